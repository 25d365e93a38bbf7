#include "server/http/wire.h"

#include <algorithm>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace sagittal::server::http {
namespace {

void append_field(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ");
  std::copy_if(value.begin(), value.end(), std::back_inserter(head), [](char c) { return c != '\r' && c != '\n'; });
  head += "\r\n";
}

}  // namespace

std::string format_head(const Response& response, const Framing& framing, std::chrono::system_clock::time_point now) {
  std::string head =
      fmt::format("HTTP/1.{} {} {}\r\n", framing.http_1_1 ? 1 : 0, response.status, reason_phrase(response.status));
  append_field(head, "Server", "sagittal/" SAGITTAL_VERSION);
  append_field(head, "Date", fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}", fmt::gmtime(now)));
  for (const Header& header : response.headers) append_field(head, header.name, header.value);
  if (response.status == 304) {
    // its length would be that of the body which is not sent
  } else if (!response.next_block) {
    append_field(head, "Content-Length", std::to_string(response.bytes().size()));
  } else if (response.stream_bytes) {
    append_field(head, "Content-Length", std::to_string(*response.stream_bytes));
  } else if (framing.http_1_1) {
    append_field(head, "Transfer-Encoding", "chunked");
  }
  append_field(head, "Connection", framing.keep_alive ? "keep-alive" : "close");
  head += "\r\n";
  return head;
}

std::string format_chunk(ByteView block) {
  std::string chunk = fmt::format("{:x}\r\n", block.size());
  chunk.append(as_text(block)).append("\r\n");
  return chunk;
}

}  // namespace sagittal::server::http
