#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace sagittal::net {

struct MultipartLimits {
  std::uint64_t max_part_bytes = std::uint64_t{1} << 30;
  std::size_t max_parts = 50'000;
};

/// Splits the body of a multipart/related answer (RFC 2387) while it arrives; holds one part at a time.
class MultipartReader {
 public:
  /// Called with each part as soon as it is complete; what it throws goes on to the caller of `feed`.
  using Sink = std::function<void(Bytes part)>;

  /// Error(bad_input) for a Content-Type that is not multipart/related or has no boundary of 1 to 70 characters.
  MultipartReader(std::string_view content_type, const MultipartLimits& limits, Sink sink);

  /// Error(bad_input) for what is no such body, Error(too_large) beyond a limit.
  void feed(ByteView block);
  /// Error(bad_input) unless the last boundary came.
  void finish() const;

 private:
  enum class State { preamble, boundary, header, body, end };
  bool step();
  std::string_view rest() const { return as_text(ByteView(buffer_).subspan(at_)); }

  const MultipartLimits limits_;
  const Sink sink_;
  std::string delimiter_;  // with the line break and the dashes in front
  State state_ = State::preamble;
  Bytes buffer_;
  std::size_t at_ = 0;        // of what is not done, in buffer_
  std::size_t searched_ = 0;  // behind at_, without the delimiter
  std::size_t parts_ = 0;
};

}  // namespace sagittal::net
