#pragma once
#include <string>
#include <string_view>

namespace sagittal::io {

/// DICOM text as UTF-8. `character_set` is the data set's (0008,0005); bytes that it does not explain become '?'.
std::string utf8_of(const std::string& text, const std::string& character_set);

}  // namespace sagittal::io
