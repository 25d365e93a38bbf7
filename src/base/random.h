#pragma once
#include <cstddef>
#include <string>

#include "base/bytes.h"

namespace sagittal {

/// Bytes that nobody can guess, from the operating system. Throws Error(io) where it has none.
Bytes random_bytes(std::size_t count);

/// `bits / 4` lower-case hexadecimal digits, for ids and tokens; `bits` is a multiple of 8.
std::string random_hex(std::size_t bits);

}  // namespace sagittal
