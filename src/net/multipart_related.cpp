#include "net/multipart_related.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace sagittal::net {
namespace {

constexpr std::size_t kMaxHeader = 8 << 10;
constexpr std::size_t kMaxPreamble = 64 << 10;
constexpr std::size_t kMaxBoundary = 70;  // RFC 2046
constexpr std::size_t kMaxPadding = 64;   // spaces behind a boundary

[[noreturn]] void fail(std::string_view why) {
  throw Error(ErrorCode::bad_input, fmt::format("multipart answer: {}", why));
}

/// The value behind `boundary=`, unquoted; empty where there is none.
std::string boundary_of(std::string_view type) {
  const std::string small = lower_case(type);
  if (!small.starts_with("multipart/related")) return {};
  for (std::size_t at = small.find("boundary="); at != std::string::npos; at = small.find("boundary=", at + 1)) {
    const bool is_parameter = at > 0 && (small[at - 1] == ';' || small[at - 1] == ' ' || small[at - 1] == '\t');
    if (!is_parameter) continue;
    const std::string_view value = type.substr(at + 9);
    if (value.starts_with('"')) {
      const auto end = value.find('"', 1);
      return end == std::string_view::npos ? std::string() : std::string(value.substr(1, end - 1));
    }
    return std::string(value.substr(0, value.find_first_of("; \t")));
  }
  return {};
}

}  // namespace

MultipartReader::MultipartReader(std::string_view content_type, const MultipartLimits& limits, Sink sink)
    : limits_(limits), sink_(std::move(sink)) {
  const std::string boundary = boundary_of(content_type);
  if (boundary.empty() || boundary.size() > kMaxBoundary) {
    fail("expected the type multipart/related with a boundary of 1 to 70 characters");
  }
  delimiter_ = "\r\n--" + boundary;
  buffer_ = {'\r', '\n'};  // the first boundary may lack the line break in front of it
}

void MultipartReader::feed(ByteView block) {
  if (state_ == State::end) return;
  buffer_.insert(buffer_.end(), block.begin(), block.end());
  while (step()) {
  }
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(at_));
  at_ = 0;
  if (state_ == State::end) buffer_.clear();
}

/// One piece of the body; false where more bytes are needed for it.
bool MultipartReader::step() {
  const std::string_view text = rest();
  switch (state_) {
    case State::preamble:
    case State::body: {
      const auto found = text.find(delimiter_, searched_);
      const bool is_part = state_ == State::body;
      const std::size_t length = std::min(found, text.size());
      if (is_part && length > limits_.max_part_bytes) {
        throw Error(ErrorCode::too_large,
                    fmt::format("multipart answer: a part of more than {} bytes", limits_.max_part_bytes));
      }
      if (!is_part && length > kMaxPreamble) fail("its boundary does not occur in it");
      if (found == std::string_view::npos) {
        searched_ = text.size() - std::min(text.size(), delimiter_.size() - 1);
        return false;
      }
      at_ += found + delimiter_.size();
      searched_ = 0;
      state_ = State::boundary;
      if (is_part) sink_(Bytes(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(found)));
      return true;
    }
    case State::boundary: {
      const auto begin = text.find_first_not_of(" \t");
      if (std::min(begin, text.size()) > kMaxPadding) fail("a boundary is followed by too many spaces");
      if (begin == std::string_view::npos || text.size() < begin + 2) return false;
      if (begin == 0 && text.starts_with("--")) {
        state_ = State::end;
        at_ = buffer_.size();
        return false;
      }
      if (!text.substr(begin).starts_with("\r\n")) fail("a boundary is followed neither by a line break nor by --");
      if (++parts_ > limits_.max_parts) {
        throw Error(ErrorCode::too_large, fmt::format("multipart answer: more than {} parts", limits_.max_parts));
      }
      at_ += begin;  // the line break stays: a header without a line ends at once
      state_ = State::header;
      return true;
    }
    case State::header: {
      const auto end = text.substr(0, kMaxHeader).find("\r\n\r\n");
      if (end == std::string_view::npos) {
        if (text.size() >= kMaxHeader) fail("the header of a part is longer than 8 KiB");
        return false;
      }
      at_ += end + 4;
      state_ = State::body;
      return true;
    }
    case State::end:
      break;
  }
  return false;
}

void MultipartReader::finish() const {
  if (state_ != State::end) fail("it is cut off");
}

}  // namespace sagittal::net
