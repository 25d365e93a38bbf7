#include "server/http/multipart.h"

#include "base/error.h"
#include "server/http/request.h"

namespace http = sagittal::server::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const sagittal::ByteView bytes(data, size);
  const std::string_view text = sagittal::as_text(bytes);
  try {
    const auto parts = http::parse_multipart(bytes, "b1");
    for (const http::Part& part : parts) {
      if (part.content.size() > size || part.name.empty()) __builtin_trap();
    }
    http::find_part(parts, "file");
  } catch (const sagittal::Error&) {
  }
  if (http::multipart_boundary(text).size() > 70) __builtin_trap();
  return 0;
}
