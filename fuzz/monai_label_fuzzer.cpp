#include <fuzzer/FuzzedDataProvider.h>

#include <array>
#include <string>
#include <vector>

#include "server/dialects/monai_label.h"
#include "stub_server.h"

namespace {

using namespace sagittal;
using fuzz::part;
using server::http::Request;
using server::http::Response;

struct Endpoint {
  const char* method;
  const char* path;
};
constexpr std::array<Endpoint, 9> kEndpoints{{{"POST", "/infer/nnInteractive"},
                                              {"POST", "/infer/nnInteractive-scribbles"},
                                              {"PUT", "/session/"},
                                              {"PUT", "/datastore/"},
                                              {"GET", "/datastore/"},
                                              {"GET", "/info/"},
                                              {"POST", "/infer/"},
                                              {"PUT", "/datastore/label"},
                                              {"POST", "/activelearning/first"}}};

Response send(const server::http::Router& router, const Endpoint& endpoint, const std::string& more,
              const std::string& query, const std::string& body) {
  Request request;
  request.method = endpoint.method;
  request.path = endpoint.path + more;
  request.query = query;
  request.remote_address = "127.0.0.1";
  request.headers = {{"Content-Type", "multipart/form-data; boundary=b1"}};
  request.body = server::http::Body::copy_of(as_bytes(body));
  return router.handle(request);
}

/// A body as the client frames it, around the fuzzer's bytes; `image` with its first voxels chosen by the fuzzer.
std::string make_body(FuzzedDataProvider& data, const std::string& image) {
  const bool framed = data.ConsumeBool(), whole = data.ConsumeBool();
  const std::string params = data.ConsumeRandomLengthString(400), content = data.ConsumeRandomLengthString(1500);
  if (!framed) return content;
  std::string file = content;
  if (whole) {
    file = image;
    const std::size_t voxels = 8 * 9 * 10, count = std::min(voxels, content.size());
    file.replace(file.size() - voxels, count, content, 0, count);
  }
  const char* name = std::array{"label", "file", "files"}[data.ConsumeIntegralInRange<std::size_t>(0, 2)];
  return part("params", params) + part(name, file) + "--b1--\r\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static fuzz::Harness harness;
  static const std::string image = fuzz::make_image();
  server::Metrics metrics;
  server::Sessions sessions(harness.model, harness.pool, {.max_sessions = 2, .max_memory_bytes = 1 << 20});
  server::Leases leases(sessions, {.max_leases = 6});
  const server::Studies studies({});
  server::SavedLabels labels({});
  const server::http::Router router(server::monai_label_routes(sessions, leases, metrics, studies, labels));
  const std::string upload = part("file", image) + "--b1--\r\n";
  if (send(router, kEndpoints[3], "", "image=a", upload).status != 200) __builtin_trap();

  FuzzedDataProvider data(bytes, size);
  for (int requests = 0; requests < 4 && data.remaining_bytes() > 0; ++requests) {
    const auto& endpoint = kEndpoints[data.ConsumeIntegralInRange<std::size_t>(0, kEndpoints.size() - 1)];
    const std::string query = (data.ConsumeBool() ? "image=a&" : "") + data.ConsumeRandomLengthString(60);
    const std::string more = data.ConsumeProbability<float>() < 0.9f ? "" : data.ConsumeRandomLengthString(20);
    const Response response = send(router, endpoint, more, query, make_body(data, image));
    if (response.next_block || response.bytes().empty() || response.status == 500) __builtin_trap();
  }
  return 0;
}
