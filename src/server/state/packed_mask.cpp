#include "server/state/packed_mask.h"

#include <algorithm>
#include <vector>

#include "base/recycled.h"
#include "volume/bits.h"

namespace sagittal::server {
namespace {

constexpr std::int64_t kPlanes = 8;  // so that each range begins with a whole byte of bits

}  // namespace

Bytes PackedMask::update(const interact::Session& session, const Box& changed, ThreadPool& pool) {
  const Box all = whole(session.shape());
  const auto plane = static_cast<std::size_t>(all.hi[1] * all.hi[2]);
  std::int64_t first = changed.lo[0] / kPlanes, last = changed.empty() ? first : (changed.hi[0] - 1) / kPlanes + 1;
  if (bits_.size() != packed_size(static_cast<std::size_t>(all.volume()))) {
    bits_.assign(packed_size(static_cast<std::size_t>(all.volume())), 0);
    gzipped_.forget();
    first = 0;
    last = (all.hi[0] - 1) / kPlanes + 1;
  }
  pool.parallel_for(last - first, 1, [&](std::int64_t begin, std::int64_t end) {
    RecycledVector<std::uint8_t> voxels;
    for (std::int64_t range = first + begin; range < first + end; ++range) {
      Box box = all;
      box.lo[0] = range * kPlanes;
      box.hi[0] = std::min(box.lo[0] + kPlanes, all.hi[0]);
      voxels.resize(static_cast<std::size_t>(box.volume()));
      session.copy_mask(session.active_segment(), box, voxels);
      const Bytes packed = pack_bits(voxels);
      std::copy(packed.begin(), packed.end(), bits_.begin() + range * static_cast<std::int64_t>(plane));
    }
  });
  const std::size_t last_byte = static_cast<std::size_t>(last) * plane;  // 8 planes are `plane` bytes
  return gzipped_.update(bits_, static_cast<std::size_t>(first) * plane, std::min(last_byte, bits_.size()), pool);
}

Bytes ByteMask::update(const interact::Session& session, const Box& changed, ThreadPool& pool) {
  const std::int64_t plane = session.shape()[1] * session.shape()[2];
  const Box box = changed.empty() ? Box{} : changed;
  return gzipped_.update(session.mask(), static_cast<std::size_t>(box.lo[0] * plane),
                         static_cast<std::size_t>(box.hi[0] * plane), pool);
}

}  // namespace sagittal::server
