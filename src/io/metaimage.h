#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "io/image_header.h"

namespace sagittal::io {

bool looks_like_metaimage(ByteView start);

/// Parses the header at the start of `file`, up to its ElementDataFile line. Coordinates are LPS. A fourth dimension
/// or several channels are frames. Error(bad_input | unsupported) names `what`.
ImageHeader parse_metaimage_header(ByteView file, std::string_view what);

/// The text of a header; `packed_size` where the voxels follow as a zlib stream, `data_file` empty for LOCAL.
std::string metaimage_header(const Volume& volume, std::optional<std::size_t> packed_size, std::string_view data_file);

}  // namespace sagittal::io
