#include "stream/igtl/wire.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace sagittal::igtl {
namespace {

std::string until_zero(ByteView bytes) {
  return std::string(bytes.begin(), std::find(bytes.begin(), bytes.end(), std::uint8_t{0}));
}

}  // namespace

void WireReader::refuse(std::string_view why) const {
  throw Error(ErrorCode::bad_input, fmt::format("{}: {}", what_, why));
}

ByteView WireReader::take(std::uint64_t count) {
  if (count > bytes_.size()) refuse(fmt::format("{} bytes are missing", count - bytes_.size()));
  const ByteView out = bytes_.first(static_cast<std::size_t>(count));
  bytes_ = bytes_.subspan(static_cast<std::size_t>(count));
  return out;
}

std::string WireReader::text(std::size_t bytes) { return until_zero(take(bytes)); }

std::string WireReader::terminated_text() {
  const auto zero = std::find(bytes_.begin(), bytes_.end(), std::uint8_t{0});
  if (zero == bytes_.end()) refuse("a text has no end");
  std::string out(bytes_.begin(), zero);
  take(out.size() + 1);
  return out;
}

void WireReader::expect_end() const {
  if (!bytes_.empty()) refuse(fmt::format("{} bytes are too many", bytes_.size()));
}

WireWriter& WireWriter::bytes(ByteView bytes) {
  out_.insert(out_.end(), bytes.begin(), bytes.end());
  return *this;
}

WireWriter& WireWriter::text(std::string_view text, std::size_t bytes) {
  std::size_t size = std::min(text.size(), bytes);
  // Not within a character of UTF-8.
  while (size > 0 && size < text.size() && (static_cast<std::uint8_t>(text[size]) & 0xC0) == 0x80) --size;
  this->bytes(as_bytes(text.substr(0, size)));
  out_.insert(out_.end(), bytes - size, 0);
  return *this;
}

}  // namespace sagittal::igtl
