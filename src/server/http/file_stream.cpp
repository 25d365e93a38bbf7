#include "server/http/file_stream.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/text.h"

namespace sagittal::server::http {
namespace {

constexpr std::uint64_t kBlockBytes = std::uint64_t{256} << 10;

/// Hands out the bytes of a range, one block after the other.
class Blocks {
 public:
  Blocks(Descriptor file, ByteRange range) : file_(std::move(file)), range_(range) {}

  Bytes next() {
    Bytes block(static_cast<std::size_t>(std::min(kBlockBytes, range_.end - range_.begin)));
    if (block.empty()) return block;
    const ssize_t got = ::pread(file_.fd, block.data(), block.size(), static_cast<off_t>(range_.begin));
    if (got <= 0) throw Error(ErrorCode::io, "the file became shorter while it was read");
    block.resize(static_cast<std::size_t>(got));
    range_.begin += static_cast<std::uint64_t>(got);
    return block;
  }

 private:
  const Descriptor file_;
  ByteRange range_;
};

Descriptor open_file(const std::filesystem::path& file) {
  Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!opened) {
    const ErrorCode code = errno == ENOENT ? ErrorCode::not_found : ErrorCode::io;
    throw Error(code, fmt::format("{} cannot be read: {}", file.filename().string(), std::strerror(errno)));
  }
  return opened;
}

std::uint64_t size_of(const Descriptor& file) {
  struct stat found {};
  if (::fstat(file.fd, &found) != 0 || !S_ISREG(found.st_mode)) throw Error(ErrorCode::not_found, "it is no file");
  return static_cast<std::uint64_t>(found.st_size);
}

}  // namespace

std::optional<ByteRange> parse_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return std::nullopt;
  header.remove_prefix(kUnit.size());
  const auto dash = header.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view text) { return parse_number<std::uint64_t>(text); };
  const std::string_view first = header.substr(0, dash), last = header.substr(dash + 1);
  if (first.empty()) {
    const auto count = number(last);
    if (!count) return std::nullopt;
    return ByteRange{size - std::min(size, *count), size};
  }
  const auto begin = number(first);
  if (!begin) return std::nullopt;
  if (last.empty()) return ByteRange{std::min(*begin, size), size};
  const auto end = number(last);
  if (!end || *end < *begin) return std::nullopt;
  return ByteRange{std::min(*begin, size), *end < size ? *end + 1 : size};
}

Response stream_file(const std::filesystem::path& file, std::string_view content_type, const Request& request) {
  Descriptor opened = open_file(file);
  const std::uint64_t size = size_of(opened);
  const auto range = request.header("If-Range").empty() ? parse_range(request.header("Range"), size) : std::nullopt;
  if (range && range->begin == range->end) {
    Response refused = error_response(
        Error(ErrorCode::bad_input, fmt::format("the range lies outside of the file, which has {} bytes", size)));
    refused.status = 416;
    refused.headers.push_back({"Content-Range", fmt::format("bytes */{}", size)});
    return refused;
  }
  const ByteRange sent = range.value_or(ByteRange{0, size});
  Response response;
  response.headers.push_back({"Content-Type", std::string(content_type)});
  response.headers.push_back({"Accept-Ranges", "bytes"});
  if (range) {
    response.status = 206;
    response.headers.push_back({"Content-Range", fmt::format("bytes {}-{}/{}", sent.begin, sent.end - 1, size)});
  }
  response.stream_bytes = sent.end - sent.begin;
  const auto blocks = std::make_shared<Blocks>(std::move(opened), sent);
  response.next_block = [blocks] { return blocks->next(); };
  return response;
}

}  // namespace sagittal::server::http
