#pragma once
#include "interact/session.h"

namespace sagittal::server {

/// Selects a slot of `NativeSession::free_slot`: it is empty and without history.
inline void prepare_slot(interact::Session& session, int slot) {
  while (session.segment_count() <= slot) session.add_segment();
  if (session.active_segment() != slot) session.select_segment(slot);
}

inline constexpr std::size_t kMaxSegments = 1024;  ///< of a session

}  // namespace sagittal::server
