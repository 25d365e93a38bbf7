#pragma once
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/bytes.h"

namespace sagittal::io {

/// An 8-bit RGB picture as a PNG file; `rgb` holds 3 * width * height values, rows from top to bottom. Error(bad_input)
/// where it does not.
Bytes encode_png(int width, int height, std::span<const std::uint8_t> rgb);

/// The same into a file, atomically. Error(io) where it cannot be written.
void write_png(const std::filesystem::path& path, int width, int height, std::span<const std::uint8_t> rgb);

}  // namespace sagittal::io
