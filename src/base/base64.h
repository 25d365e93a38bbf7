#pragma once
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace sagittal {

/// RFC 4648 base64 with padding, without line breaks.
std::string encode_base64(ByteView bytes);

/// The inverse; strict: Error(bad_input) names `what` for other characters, missing padding or stray bits.
Bytes decode_base64(std::string_view text, std::string_view what);

}  // namespace sagittal
