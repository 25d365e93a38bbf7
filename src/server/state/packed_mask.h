#pragma once
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/thread_pool.h"
#include "volume/box.h"

namespace sagittal::server {

/// A mask [axis0, axis1, axis2] as `pack_bits` gives it, kept between prompts: only planes that changed are packed
/// anew.
class PackedMask {
 public:
  /// The next `update` packs everything.
  void forget() { bits_.clear(); }

  /// `changed` holds every voxel that differs from the call before.
  const Bytes& update(std::span<const std::uint8_t> mask, const Index3& shape, const Box& changed, ThreadPool& pool);

 private:
  Bytes bits_;
};

}  // namespace sagittal::server
