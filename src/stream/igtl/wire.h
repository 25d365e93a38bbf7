#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/bytes.h"

namespace sagittal::igtl {

/// The unsigned number of as many bits.
template <class T>
using Bits = std::conditional_t<sizeof(T) == 1, std::uint8_t,
                                std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                                   std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;

/// The number in the first sizeof(T) bytes, most significant byte first.
template <class T>
T big_endian(const std::uint8_t* bytes) {
  Bits<T> bits = 0;
  for (std::size_t n = 0; n < sizeof(T); ++n) bits = static_cast<Bits<T>>(bits << (sizeof(T) > 1 ? 8 : 0) | bytes[n]);
  return std::bit_cast<T>(bits);
}

/// Reads what a stranger sent, most significant byte first. A short read is Error(bad_input) that names `what`. Views
/// live as long as the bytes.
class WireReader {
 public:
  WireReader(ByteView bytes, std::string_view what) : bytes_(bytes), what_(what) {}

  template <class T>
  T number() {
    return big_endian<T>(take(sizeof(T)).data());
  }
  template <class T, std::size_t n>
  std::array<T, n> numbers() {
    std::array<T, n> out;
    for (T& value : out) value = number<T>();
    return out;
  }
  ByteView take(std::uint64_t count);
  /// A field of `bytes` bytes; the text ends at its first zero.
  std::string text(std::size_t bytes);
  /// Up to and with a zero.
  std::string terminated_text();

  std::size_t remaining() const { return bytes_.size(); }
  ByteView rest() const { return bytes_; }
  [[noreturn]] void refuse(std::string_view why) const;
  /// Refuses bytes that nobody asked for.
  void expect_end() const;

 private:
  ByteView bytes_;
  std::string what_;
};

/// The inverse.
class WireWriter {
 public:
  template <class T>
  WireWriter& number(T value) {
    const auto bits = std::bit_cast<Bits<T>>(value);
    for (std::size_t n = sizeof(T); n-- > 0;) out_.push_back(static_cast<std::uint8_t>(bits >> 8 * n));
    return *this;
  }
  template <class T, std::size_t n>
  WireWriter& numbers(const std::array<T, n>& values) {
    for (const T value : values) number(value);
    return *this;
  }
  WireWriter& bytes(ByteView bytes);
  /// In a field of so many bytes, the rest zeros; a longer text is cut at a character.
  WireWriter& text(std::string_view text, std::size_t bytes);

  std::size_t size() const { return out_.size(); }
  Bytes finish() { return std::move(out_); }

 private:
  Bytes out_;
};

}  // namespace sagittal::igtl
