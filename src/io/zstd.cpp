#include "io/zstd.h"

#include <zstd.h>

#include <memory>
#include <new>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::io {

Bytes pack_zstd(ByteView bytes) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  if (!context) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, 1);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  Bytes packed(ZSTD_compressBound(bytes.size()));
  const std::size_t size = ZSTD_compress2(context.get(), packed.data(), packed.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size) != 0) {
    throw Error(ErrorCode::internal, fmt::format("packing failed: {}", ZSTD_getErrorName(size)));
  }
  packed.resize(size);
  packed.shrink_to_fit();
  return packed;
}

Bytes unpack_zstd(ByteView packed, std::size_t max_bytes, std::string_view what) {
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: not a Zstandard frame of known size", what));
  }
  if (size > max_bytes) {
    throw Error(ErrorCode::too_large, fmt::format("{}: unpacks to {} bytes, at most {} fit", what, size, max_bytes));
  }
  Bytes bytes(static_cast<std::size_t>(size));
  const std::size_t found = ZSTD_decompress(bytes.data(), bytes.size(), packed.data(), packed.size());
  if (ZSTD_isError(found) != 0 || found != bytes.size()) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: damaged or truncated", what));
  }
  return bytes;
}

}  // namespace sagittal::io
