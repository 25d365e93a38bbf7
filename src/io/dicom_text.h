#pragma once
#include <string>
#include <string_view>

namespace sagittal::io {

/// DICOM text as UTF-8. `character_set` is the data set's (0008,0005); text that it does not explain has its other
/// bytes become '?'. Japanese, Korean and Chinese code extensions are known.
std::string utf8_of(const std::string& text, const std::string& character_set);

/// DCMTK has one global log, which would print. What goes wrong is in the conditions that it returns.
void silence_dcmtk();

}  // namespace sagittal::io
