#pragma once
#include <string>

#include "base/bytes.h"

namespace sagittal::server {

/// The hash as 64 lower-case hexadecimal digits.
std::string sha256_hex(ByteView bytes);

/// Whether `text` may be such a hash.
bool is_sha256_hex(std::string_view text);

}  // namespace sagittal::server
