#pragma once
#include "interact/stub_network.h"

namespace sagittal::server {

/// The stub network's rule: foreground where a positive prompt is drawn, or where the segment was before; background
/// where a negative one is.
inline bool prompted(const interact::Seen& seen, const Index3& p) {
  const bool negative = seen.at(1 + 2, p) > 0 || seen.at(1 + 4, p) > 0 || seen.at(1 + 6, p) > 0;
  const bool positive = seen.at(1 + 1, p) > 0 || seen.at(1 + 3, p) > 0 || seen.at(1 + 5, p) > 0;
  return !negative && (positive || seen.at(1, p) > 0);
}

}  // namespace sagittal::server
