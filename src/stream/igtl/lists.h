#pragma once
#include <vector>

#include <fmt/format.h>

#include "stream/igtl/wire.h"

namespace sagittal::igtl {

/// Fields of texts.
inline constexpr std::size_t kShortText = 20, kMediumText = 32, kLongText = 64, kTypeText = 12;
inline constexpr std::uint8_t kReserved = 0;

/// Elements of `bytes` bytes until the content ends; `read` takes the reader.
template <class T, class Read>
std::vector<T> read_list(ByteView content, std::size_t bytes, const char* what, Read&& read) {
  WireReader reader(content, what);
  if (content.size() % bytes != 0) {
    reader.refuse(fmt::format("{} bytes, expected a multiple of {}", content.size(), bytes));
  }
  std::vector<T> out;
  out.reserve(content.size() / bytes);
  while (reader.remaining() > 0) out.push_back(read(reader));
  return out;
}

template <class T, class Write>
Bytes write_list(const std::vector<T>& list, Write&& write) {
  WireWriter writer;
  for (const T& one : list) write(writer, one);
  return writer.finish();
}

}  // namespace sagittal::igtl
