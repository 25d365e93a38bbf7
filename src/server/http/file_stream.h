#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "server/http/request.h"
#include "server/http/response.h"

namespace sagittal::server::http {

/// Bytes [begin, end) of a file.
struct ByteRange {
  std::uint64_t begin = 0, end = 0;
  bool operator==(const ByteRange&) const = default;
};

/// What the header Range asks of a file of `size` bytes: "bytes=2-5", "bytes=2-", "bytes=-3". Nothing where all of it
/// is to be sent: no header, several ranges, or a form that is none. An empty range where none of it lies in the file.
std::optional<ByteRange> parse_range(std::string_view header, std::uint64_t size);

/// A file from the disk, read as it is sent: 200 or 206 with its length, 416 where the range lies outside. One block is
/// in memory at a time. It is read on a network thread, so it must lie on a disk of this machine. If-Range is not
/// known: with it, all is sent. Error(not_found | io).
Response stream_file(const std::filesystem::path& file, std::string_view content_type, const Request& request);

}  // namespace sagittal::server::http
