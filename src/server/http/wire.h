#pragma once
#include <chrono>
#include <string>

#include "server/http/response.h"

namespace sagittal::server::http {

/// How one response is put on the wire.
struct Framing {
  bool http_1_1 = true;
  bool keep_alive = true;
  bool head_only = false;  ///< answer to HEAD: the length is told, the body not sent
};

/// Status line and header fields up to and with the empty line. Line breaks inside header values are dropped.
std::string format_head(const Response& response, const Framing& framing, std::chrono::system_clock::time_point now);

/// One block in chunked coding; the empty block ends the body.
std::string format_chunk(ByteView block);

}  // namespace sagittal::server::http
