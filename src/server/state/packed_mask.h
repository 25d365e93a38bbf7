#pragma once
#include "base/bytes.h"
#include "base/thread_pool.h"
#include "interact/session.h"
#include "io/gzip_chunks.h"
#include "volume/box.h"

namespace sagittal::server {

/// The active segment's mask as `pack_bits` gives it, gzipped; kept between prompts, so that only what changed is
/// packed and compressed anew.
class PackedMask {
 public:
  /// The next `update` packs everything.
  void forget() { bits_.clear(); }

  /// `changed` holds every voxel that differs from the call before.
  Bytes update(const interact::Session& session, const Box& changed, ThreadPool& pool);

 private:
  Bytes bits_;
  io::GzipChunks gzipped_;
};

/// The active segment's mask as bytes 0 and 1 in C order, gzipped; kept between prompts like `PackedMask`.
class ByteMask {
 public:
  /// The next `update` compresses everything.
  void forget() { gzipped_.forget(); }

  /// `changed` holds every voxel that differs from the call before.
  Bytes update(const interact::Session& session, const Box& changed, ThreadPool& pool);

 private:
  io::GzipChunks gzipped_;
};

}  // namespace sagittal::server
