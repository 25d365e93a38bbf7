#include "stream/igtl/incoming.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace sagittal::igtl {
namespace {

constexpr std::chrono::seconds kPatience{20};  // for a message, and a second more for each MiB

}  // namespace

/// False: closed before the first byte.
bool Incoming::fill_header() {
  std::copy(stage_.begin() + begin_, stage_.begin() + end_, stage_.begin());
  end_ -= begin_;
  begin_ = 0;
  bool begun = end_ > 0;
  auto deadline = begun                              ? Clock::now() + kPatience
                  : limits_.idle_timeout.count() > 0 ? Clock::now() + limits_.idle_timeout
                                                     : net::kNever;
  while (staged() < kHeaderBytes) {
    const auto got = socket_.read_some(std::span(stage_).subspan(end_), deadline);
    if (!got) {
      throw Error(ErrorCode::unavailable, begun ? "the header of a message did not come in time"
                                                : "nothing came for longer than the idle time-out");
    }
    if (*got == 0 && !begun) return false;
    if (*got == 0) throw Error(ErrorCode::io, "closed within the header of a message");
    if (!begun) deadline = Clock::now() + kPatience;
    begun = true;
    end_ += *got;
  }
  return true;
}

std::shared_ptr<const BodyPool::Body> Incoming::read_body(std::uint64_t size, Clock::time_point deadline) {
  auto body = pool_.take(static_cast<std::size_t>(size));
  const std::size_t here = std::min(staged(), body->bytes().size());
  std::copy_n(stage_.begin() + begin_, here, body->bytes().begin());
  begin_ += here;
  socket_.read_exactly(body->bytes().subspan(here), deadline);
  return body;
}

std::optional<Incoming::Message> Incoming::next() {
  if (staged() < kHeaderBytes && !fill_header()) return std::nullopt;
  Message out;
  out.header = parse_header(std::span(stage_).subspan(begin_).first<kHeaderBytes>());
  begin_ += kHeaderBytes;
  const std::uint64_t size = out.header.body_bytes;
  if (size > limits_.max_body_bytes) {
    throw Error(ErrorCode::too_large, fmt::format("a {} of {} bytes, at most {} are taken", out.header.type, size,
                                                  size_text(limits_.max_body_bytes)));
  }
  out.body = read_body(size, Clock::now() + kPatience + std::chrono::seconds(size >> 20));
  return out;
}

}  // namespace sagittal::igtl
