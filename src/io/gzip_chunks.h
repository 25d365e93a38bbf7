#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/thread_pool.h"

namespace sagittal::io {

/// The gzip member of bytes of which little changes from one time to the next: each 32 KiB are compressed on their own
/// (RFC 1951, runs only, with an empty block behind them that ends on a byte) and kept until they change.
class GzipChunks {
 public:
  /// `raw` compressed. Every byte that differs from the call before lies in [first, last); another size starts over.
  Bytes update(ByteView raw, std::size_t first, std::size_t last, ThreadPool& pool);

  /// The next `update` compresses everything.
  void forget() { chunks_.clear(); }

 private:
  struct Chunk {
    Bytes deflated;
    std::uint32_t checksum = 0;
  };
  static std::shared_ptr<const Chunk> compress(ByteView raw);
  static std::shared_ptr<const Chunk> zeros();
  Bytes join(std::size_t raw_size) const;

  std::vector<std::shared_ptr<const Chunk>> chunks_;
  std::size_t raw_size_ = 0;
};

}  // namespace sagittal::io
