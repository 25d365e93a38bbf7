#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace sagittal::net {

using Sha256 = std::array<std::uint8_t, 32>;

/// Throws Error(internal) where the cryptographic library has none.
Sha256 sha256(ByteView bytes);

/// 64 lower-case hexadecimal digits.
std::string sha256_hex(ByteView bytes);

/// The same of bytes that come one after the other. One thread at a time.
class Sha256Sum {
 public:
  Sha256Sum();
  ~Sha256Sum();
  Sha256Sum(const Sha256Sum&) = delete;
  Sha256Sum& operator=(const Sha256Sum&) = delete;

  void add(ByteView bytes);
  /// Of all that was added; nothing may be added behind it.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Whether `text` is what `sha256_hex` may have written.
bool is_sha256_hex(std::string_view text);

}  // namespace sagittal::net
