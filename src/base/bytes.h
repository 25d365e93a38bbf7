#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sagittal {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// Reads little-endian numbers from bytes that a stranger wrote. Every read is checked; a short read throws
/// Error(bad_input) that names `what` and the offset. Views returned live as long as the bytes given.
class ByteReader {
 public:
  ByteReader(ByteView bytes, std::string_view what) : bytes_(bytes), what_(what) {}

  std::size_t offset() const { return offset_; }
  std::size_t remaining() const { return bytes_.size() - offset_; }
  bool at_end() const { return remaining() == 0; }

  void seek(std::size_t offset);
  ByteView take(std::size_t count);

  template <class T>
  T read() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }

 private:
  ByteView bytes_;
  std::string what_;
  std::size_t offset_ = 0;
};

/// A whole file mapped read-only. Throws Error(not_found | io).
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  ByteView bytes() const { return {data_, size_}; }

 private:
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The whole file; Error(too_large) beyond `max_bytes`, Error(not_found | io) where it cannot be read.
Bytes read_file(const std::filesystem::path& path, std::size_t max_bytes);

/// Writes beside `path` (NAME.*.tmp) and renames, so that a reader sees the old file or the whole new one, also after a
/// crash. `mode` is the new file's, less the umask. Throws Error(not_found | io).
void write_file_atomically(const std::filesystem::path& path, ByteView bytes, unsigned mode = 0644);

/// Two lower-case digits a byte.
std::string to_hex(ByteView bytes);

/// `a * b`, or Error(bad_input) naming `what` where it does not fit 64 bits.
std::uint64_t checked_product(std::uint64_t a, std::uint64_t b, std::string_view what);

}  // namespace sagittal
