#include "volume/dice.h"

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal {

double dice(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  if (a.size() != b.size()) {
    throw Error(ErrorCode::bad_input, fmt::format("Dice of masks with {} and {} voxels", a.size(), b.size()));
  }
  std::int64_t both = 0, sum = 0;
  for (std::size_t v = 0; v < a.size(); ++v) {
    const bool in_a = a[v] != 0, in_b = b[v] != 0;
    both += in_a && in_b;
    sum += in_a + in_b;
  }
  return sum == 0 ? 1.0 : 2.0 * static_cast<double>(both) / static_cast<double>(sum);
}

}  // namespace sagittal
