#pragma once
#include <string_view>

#include "base/bytes.h"

namespace sagittal::io {

/// One Zstandard frame at its fastest level, with a checksum.
Bytes pack_zstd(ByteView bytes);

/// The contents of frames written by `pack_zstd`. Throws Error(bad_input) for anything else, Error(too_large) beyond
/// `max_bytes`, before memory for it is taken; both name `what`.
Bytes unpack_zstd(ByteView packed, std::size_t max_bytes, std::string_view what);

}  // namespace sagittal::io
