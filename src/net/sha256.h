#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace sagittal::net {

using Sha256 = std::array<std::uint8_t, 32>;

/// Throws Error(internal) where the cryptographic library has none.
Sha256 sha256(ByteView bytes);

/// 64 lower-case hexadecimal digits.
std::string sha256_hex(ByteView bytes);

/// Whether `text` is what `sha256_hex` may have written.
bool is_sha256_hex(std::string_view text);

}  // namespace sagittal::net
