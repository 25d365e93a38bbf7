#include "server/state/packed_mask.h"

#include <algorithm>

#include "volume/bits.h"

namespace sagittal::server {

const Bytes& PackedMask::update(std::span<const std::uint8_t> mask, const Index3& shape, const Box& changed,
                                ThreadPool& pool) {
  constexpr std::int64_t kGrain = std::int64_t{1} << 20;  // bytes of bits
  const std::int64_t plane = shape[1] * shape[2];
  std::int64_t first = changed.empty() ? 0 : changed.lo[0] * plane / 8;
  std::int64_t last = changed.empty() ? 0 : (changed.hi[0] * plane + 7) / 8;
  if (bits_.size() != packed_size(mask.size())) {
    bits_.resize(packed_size(mask.size()));
    first = 0;
    last = static_cast<std::int64_t>(bits_.size());
  }
  pool.parallel_for(last - first, kGrain, [&](std::int64_t begin, std::int64_t end) {
    const auto voxel = static_cast<std::size_t>(first + begin) * 8;
    const auto count = std::min(static_cast<std::size_t>(end - begin) * 8, mask.size() - voxel);
    const Bytes packed = pack_bits(mask.subspan(voxel, count));
    std::copy(packed.begin(), packed.end(), bits_.begin() + first + begin);
  });
  return bits_;
}

}  // namespace sagittal::server
