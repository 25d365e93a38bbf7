#pragma once
#include <filesystem>

#include "io/image_io.h"

namespace sagittal {

/// `options` with the series and frame that a terminal was asked for, where they are open.
io::ReadOptions ask_what_is_open(const std::filesystem::path& path, io::ReadOptions options);

/// Reads an image; where several series or frames are open, a terminal is asked which one. Elsewhere, as
/// io::read_image does, Error(wrong_usage) lists them. Warnings go to standard error.
Volume read_chosen_image(const std::filesystem::path& path, io::ReadOptions options);

}  // namespace sagittal
