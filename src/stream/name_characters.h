#pragma once
#include <string_view>

namespace sagittal::stream {

/// What names of operators, pipelines and assets are made of.
inline constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

}  // namespace sagittal::stream
