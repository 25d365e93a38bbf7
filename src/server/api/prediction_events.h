#pragma once
#include <chrono>
#include <string>

#include "interact/session.h"
#include "server/api/session_access.h"

namespace sagittal::server {

/// What the listeners of a session see of one prediction while it runs: how far it is, and masks from afar.
class PredictionEvents {
 public:
  /// All of it outlives the prediction.
  PredictionEvents(const SessionAccess& access, const NativeTurn& native, const NativeSegment& segment,
                   std::string request);

  /// Lets the prediction report, where somebody listens.
  void attach(interact::PromptOptions& options);

  /// Where previews were shown, to be covered by the next mask event; empty where none was. Array order.
  const Box& shown() const { return shown_; }

 private:
  using Clock = std::chrono::steady_clock;
  void tell_progress(const Progress& progress);
  void tell_preview(const interact::Preview& preview);

  const SessionAccess& access_;
  const NativeTurn& native_;
  const NativeSegment& segment_;
  const std::string request_;
  std::string stage_;
  Clock::time_point last_told_;
  Box shown_;
};

}  // namespace sagittal::server
