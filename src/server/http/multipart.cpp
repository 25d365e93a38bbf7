#include "server/http/multipart.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "base/error.h"
#include "server/http/request.h"

namespace sagittal::server::http {
namespace {

constexpr std::size_t kMaxParts = 16;
constexpr std::size_t kMaxPartHeader = 8 << 10;
constexpr std::size_t kMaxBoundary = 70;  // RFC 2046

[[noreturn]] void fail(std::string_view why) {
  throw Error(ErrorCode::bad_input, fmt::format("multipart body: {}", why));
}

/// Position of `delimiter` in `text`, or npos; skips ahead, for bodies of gigabytes.
std::size_t find_delimiter(std::string_view text, std::string_view delimiter) {
  const std::boyer_moore_horspool_searcher searcher(delimiter.begin(), delimiter.end());
  const auto found = std::search(text.begin(), text.end(), searcher);
  return found == text.end() ? std::string_view::npos : static_cast<std::size_t>(found - text.begin());
}

/// Reads the lines of one part's header.
void read_header_line(std::string_view line, Part& part) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) fail("a header line of a part has no colon");
  const std::string_view name = line.substr(0, colon), value = line.substr(colon + 1);
  if (equal_ignoring_case(name, "Content-Disposition")) {
    part.name = header_parameter(value, "name");
    part.filename = header_parameter(value, "filename");
  } else if (equal_ignoring_case(name, "Content-Type")) {
    part.content_type = value.substr(std::min(value.size(), value.find_first_not_of(' ')));
  }
}

/// Takes the header, up to and with its empty line, off `rest`.
Part take_header(std::string_view& rest) {
  Part part;
  std::size_t used = 0;
  while (true) {
    const auto end = rest.substr(0, kMaxPartHeader - used).find("\r\n");
    if (end == std::string_view::npos) fail("the header of a part is longer than 8 KiB or cut off");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    used += end + 2;
    if (line.empty()) break;
    read_header_line(line, part);
  }
  if (part.name.empty()) fail("a part has no name");
  return part;
}

}  // namespace

std::string multipart_boundary(std::string_view content_type) {
  constexpr std::string_view prefix = "multipart/";
  if (!equal_ignoring_case(content_type.substr(0, prefix.size()), prefix)) return {};
  std::string boundary = header_parameter(content_type, "boundary");
  return boundary.size() <= kMaxBoundary ? boundary : std::string();
}

std::vector<Part> parse_multipart(ByteView body, std::string_view boundary) {
  if (boundary.empty()) fail("the Content-Type names no boundary of 1 to 70 characters");
  const std::string delimiter = fmt::format("\r\n--{}", boundary);
  std::string_view rest = as_text(body);
  // The first delimiter may lack the line break in front of it.
  if (rest.starts_with(std::string_view(delimiter).substr(2))) {
    rest.remove_prefix(delimiter.size() - 2);
  } else {
    const auto first = find_delimiter(rest, delimiter);
    if (first == std::string_view::npos) fail("its boundary does not occur in it");
    rest.remove_prefix(first + delimiter.size());
  }
  std::vector<Part> parts;
  while (!rest.starts_with("--")) {
    rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(" \t")));
    if (!rest.starts_with("\r\n")) fail("a boundary is followed neither by a line break nor by --");
    rest.remove_prefix(2);
    if (parts.size() == kMaxParts) fail(fmt::format("more than {} parts", kMaxParts));
    Part part = take_header(rest);
    const auto end = find_delimiter(rest, delimiter);
    if (end == std::string_view::npos) fail(fmt::format("part \"{}\" is cut off", part.name));
    part.content = as_bytes(rest.substr(0, end));
    rest.remove_prefix(end + delimiter.size());
    parts.push_back(std::move(part));
  }
  return parts;
}

const Part& find_part(const std::vector<Part>& parts, std::string_view name) {
  std::string found;
  for (const Part& part : parts) {
    if (part.name == name) return part;
    found += (found.empty() ? "" : ", ") + part.name;
  }
  fail(fmt::format("expected a part \"{}\", found {}", name, found.empty() ? "none" : found));
}

}  // namespace sagittal::server::http
