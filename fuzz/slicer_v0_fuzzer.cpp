#include <fuzzer/FuzzedDataProvider.h>

#include <array>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/gzip.h"
#include "io/npy.h"
#include "server/dialects/slicer_v0.h"
#include "stub_server.h"

namespace {

using namespace sagittal;
using fuzz::Harness;
using fuzz::part;
using server::http::Request;
using server::http::Response;

constexpr std::array<const char*, 6> kEndpoints{"/upload_image",          "/upload_segment",
                                                "/add_point_interaction", "/add_bbox_interaction",
                                                "/add_lasso_interaction", "/add_scribble_interaction"};

Request make_request(const std::string& endpoint, const std::string& body, bool multipart) {
  Request request;
  request.method = "POST";
  request.path = endpoint;
  request.remote_address = "127.0.0.1";
  request.headers = {{"Content-Type", multipart ? "multipart/form-data; boundary=b1" : "application/json"}};
  request.body = server::http::Body::copy_of(as_bytes(body));
  return request;
}

/// The body as the extension frames it, around the fuzzer's bytes; or those bytes as they are.
std::string make_body(FuzzedDataProvider& data, std::size_t endpoint) {
  const bool json = endpoint == 2 || endpoint == 3;
  const bool framed = data.ConsumeBool();
  const bool compressed = data.ConsumeBool();
  const std::string flag = data.ConsumeRandomLengthString(5);
  std::string content = data.ConsumeRandomLengthString(4096);
  if (json || !framed) return content;
  if (compressed) content = as_text(io::gzip(as_bytes(content)));
  return part("file", content) + part("positive_click", flag) + "--b1--\r\n";
}

void check(const Response& response, std::size_t endpoint) {
  if (response.status != 200) __builtin_trap();
  const std::string_view body = as_text(response.bytes());
  const bool is_json = response.header("Content-Type") == "application/json";
  if (endpoint >= 2 && is_json && body.find("\"error\"") == std::string_view::npos) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static Harness harness;
  server::Metrics metrics;
  server::Sessions sessions(harness.model, harness.pool, {.max_sessions = 2, .max_memory_bytes = 1 << 20});
  const server::http::Router router(server::slicer_v0_routes(sessions, metrics));

  std::vector<std::int16_t> voxels(8 * 9 * 10);
  for (std::size_t v = 0; v < voxels.size(); ++v) voxels[v] = static_cast<std::int16_t>(v % 50);
  const std::vector<std::int64_t> shape{8, 9, 10};
  const Bytes image = io::write_npy(ScalarType::i16, shape, std::as_bytes(std::span(voxels)));
  router.handle(make_request("/upload_image", part("file", as_text(image)) + "--b1--", true));

  FuzzedDataProvider data(bytes, size);
  for (int requests = 0; requests < 4 && data.remaining_bytes() > 0; ++requests) {
    const auto endpoint = data.ConsumeIntegralInRange<std::size_t>(0, kEndpoints.size() - 1);
    const std::string body = make_body(data, endpoint);
    check(router.handle(make_request(kEndpoints[endpoint], body, endpoint != 2 && endpoint != 3)), endpoint);
  }
  return 0;
}
