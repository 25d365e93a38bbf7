#include <string>

#include "base/error.h"
#include "server/http/file_stream.h"
#include "server/http/router.h"
#include "server/http/wire.h"

namespace http = sagittal::server::http;

namespace {

std::string_view take_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

http::Response describe(const http::Request& request) {
  if (request.path.find('\0') != std::string::npos || request.prefix.find('/') != std::string::npos) __builtin_trap();
  if (request.method == "BOOM") throw sagittal::Error(sagittal::ErrorCode::bad_input, request.path);
  return http::text_response(200, request.header("Content-Type"), http::basic_user(request).value_or(request.prefix));
}

const http::Router& router() {
  static const http::Router built({{.method = "GET", .path = "/", .handler = describe, .takes_prefix = true},
                                   {.method = "POST", .path = "/upload", .handler = describe, .takes_prefix = true},
                                   {.method = "BOOM", .path = "/upload", .handler = describe}},
                                  {"status"});
  return built;
}

}  // namespace

/// Line 1 is the method, line 2 the target, then "name:value" lines up to an empty one, then the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = sagittal::as_text({data, size});
  http::Request request;
  request.method = take_line(rest);
  const std::string_view target = take_line(rest);
  for (std::string_view line = take_line(rest); !line.empty(); line = take_line(rest)) {
    const auto colon = std::min(line.size(), line.find(':'));
    request.headers.push_back(
        {std::string(line.substr(0, colon)), std::string(line.substr(std::min(line.size(), colon + 1)))});
  }
  request.body = http::Body::copy_of(sagittal::as_bytes(rest));
  try {
    http::set_target(request, target);
  } catch (const sagittal::Error&) {
    return 0;
  }
  const std::uint64_t length = rest.size();
  const auto range = http::parse_range(request.header("Range"), length);
  if (range && (range->begin > range->end || range->end > length)) __builtin_trap();
  const http::Response response = router().handle(request);
  const std::string head = http::format_head(response, {}, std::chrono::system_clock::time_point());
  if (head.find("\r\n\r\n") != head.size() - 4) __builtin_trap();  // one header only, whatever its values hold
  return 0;
}
