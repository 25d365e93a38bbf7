#include <fuzzer/FuzzedDataProvider.h>

#include <array>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/gzip.h"
#include "server/dialects/itksnap.h"
#include "stub_server.h"

namespace {

using namespace sagittal;
using fuzz::Harness;
using fuzz::part;
using server::http::Request;
using server::http::Response;

struct Endpoint {
  const char* method;
  const char* path;
};
constexpr std::array<Endpoint, 9> kEndpoints{{{"POST", "/upload_raw/"},
                                              {"POST", "/process_scribble_interaction/"},
                                              {"POST", "/process_lasso_interaction/"},
                                              {"GET", "/process_point_interaction/"},
                                              {"GET", "/v2/process_point_interaction/"},
                                              {"GET", "/reset_interactions/"},
                                              {"GET", "/v2/start_session/"},
                                              {"GET", "/v2/end_session/"},
                                              {"GET", "/start_session"}}};
constexpr const char* kMetadata = R"({"dimensions":[10,9,8],"components_per_pixel":1,"component_type":"float32"})";

Request make_request(const Endpoint& endpoint, const std::string& id, const std::string& query,
                     const std::string& body) {
  Request request;
  request.method = endpoint.method;
  request.path = endpoint.path + id;
  request.query = query;
  request.remote_address = "127.0.0.1";
  request.headers = {{"Content-Type", "multipart/form-data; boundary=b1"}};
  request.body = server::http::Body::copy_of(as_bytes(body));
  return request;
}

/// A volume of the session's shape in which the fuzzer chooses the first values.
std::string make_volume(std::string values) {
  values.resize(8 * 9 * 10 * sizeof(float));
  return std::string(as_text(io::gzip(as_bytes(values))));
}

/// The body as ITK-SNAP frames it, around the fuzzer's bytes; or those bytes as they are.
std::string make_body(FuzzedDataProvider& data) {
  const bool framed = data.ConsumeBool(), whole = data.ConsumeBool(), honest = data.ConsumeBool();
  const std::string metadata = honest ? kMetadata : data.ConsumeRandomLengthString(200);
  const std::string content = data.ConsumeRandomLengthString(3000);
  if (!framed) return content;
  return part("file", whole ? make_volume(content) : content) + part("metadata", metadata) + "--b1--\r\n";
}

void check(const Response& response) {
  if (response.next_block || response.status >= 500) __builtin_trap();
  const std::string_view body = as_text(response.bytes());
  if (response.status == 200 && parse_json(body, "answer").contains("error")) __builtin_trap();
  if (response.status != 200 && body.empty()) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static Harness harness;
  server::Metrics metrics;
  server::Sessions sessions(harness.model, harness.pool, {.max_sessions = 2, .max_memory_bytes = 1 << 20});
  server::Leases leases(sessions, {.max_leases = 6});
  const server::http::Router router(server::itksnap_routes(sessions, leases, metrics));

  const std::string id = leases.claim();
  std::vector<float> voxels(8 * 9 * 10);
  for (std::size_t v = 0; v < voxels.size(); ++v) voxels[v] = static_cast<float>(v % 50);
  const std::string image(reinterpret_cast<const char*>(voxels.data()), voxels.size() * sizeof(float));
  const std::string upload = part("file", make_volume(image)) + part("metadata", kMetadata) + "--b1--";
  if (router.handle(make_request(kEndpoints[0], id, "", upload)).status != 200) __builtin_trap();

  FuzzedDataProvider data(bytes, size);
  for (int requests = 0; requests < 4 && data.remaining_bytes() > 0; ++requests) {
    const auto& endpoint = kEndpoints[data.ConsumeIntegralInRange<std::size_t>(0, kEndpoints.size() - 1)];
    const std::string name = data.ConsumeProbability<float>() < 0.9f ? id : data.ConsumeRandomLengthString(40);
    const std::string query = (data.ConsumeBool() ? "foreground=true&" : "") + data.ConsumeRandomLengthString(60);
    check(router.handle(make_request(endpoint, name, query, make_body(data))));
  }
  return 0;
}
