#pragma once
#include <string>

#include "base/progress.h"

namespace sagittal {

/// Progress on standard error: a bar redrawn in place on a terminal, elsewhere one plain line per stage. The bar is
/// removed when this goes. Used from one thread.
class ProgressBar {
 public:
  ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar();

  /// A sink that draws here; valid as long as this object.
  ProgressSink sink();

 private:
  void show(const Progress& progress);
  bool terminal_;
  std::string stage_;
  int percent_ = -1;
};

}  // namespace sagittal
