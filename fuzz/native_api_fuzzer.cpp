#include <fuzzer/FuzzedDataProvider.h>

#include <array>
#include <string>
#include <vector>

#include "server/api/native_api.h"
#include "stub_server.h"

namespace {

using namespace sagittal;
using server::http::Request;
using server::http::Response;

struct Endpoint {
  const char* method;
  const char* path;  ///< {id} is an open session, {volume} its image
};
constexpr std::array<Endpoint, 22> kEndpoints{{{"POST", "/sessions/{id}/segments/1/prompts"},
                                               {"POST", "/sessions/{id}/segments"},
                                               {"POST", "/volumes"},
                                               {"PUT", "/volumes/{volume}"},
                                               {"PUT", "/volumes/"},
                                               {"PATCH", "/sessions/{id}/segments/1"},
                                               {"POST", "/sessions/{id}/segments/2/prompts"},
                                               {"POST", "/sessions/{id}/segments/1/undo"},
                                               {"POST", "/sessions/{id}/segments/1/redo"},
                                               {"POST", "/sessions/{id}/segments/1/reset"},
                                               {"DELETE", "/sessions/{id}/segments/1"},
                                               {"GET", "/sessions/{id}/segments/"},
                                               {"GET", "/sessions/{id}/segments/1/prompts"},
                                               {"GET", "/sessions/{id}/segments/1/mask"},
                                               {"GET", "/sessions/{id}/mask"},
                                               {"GET", "/sessions/{id}"},
                                               {"GET", "/volumes/{volume}/voxels"},
                                               {"POST", "/sessions"},
                                               {"PATCH", "/sessions/{id}"},
                                               {"GET", "/terms"},
                                               {"GET", "/"},
                                               {"DELETE", "/volumes/{volume}"}}};

/// One server with an open session, started anew for each input.
struct Api {
  explicit Api(fuzz::Harness& harness, const std::string& image)
      : sessions(harness.model, harness.pool, {.max_sessions = 2, .max_memory_bytes = 1 << 20}),
        leases(sessions, {.max_leases = 3, .kind = "native"}),
        volumes(nullptr, harness.pool, {.max_file_bytes = 1 << 20, .max_memory_bytes = 1 << 20, .max_per_owner = 4}),
        uploads(nullptr, {.max_file_bytes = 1 << 20, .max_uploads_per_owner = 2}),
        router(server::native_api_routes({.sessions = sessions,
                                          .leases = leases,
                                          .volumes = volumes,
                                          .uploads = uploads,
                                          .metrics = metrics,
                                          .events = &events})) {
    volume = ask("POST", "/volumes", "", image);
    id = ask("POST", "/sessions", "", Json{{"volume", volume}}.dump());
    send("POST", "/sessions/" + id + "/segments", "", "", "");
  }

  Response send(const std::string& method, const std::string& path, const std::string& query, const std::string& body,
                const std::string& header) {
    Request request;
    request.method = method;
    request.path = "/api/v1" + path;
    request.query = query;
    request.remote_address = "127.0.0.1";
    request.headers = {{"Content-Range", header}, {"Accept", header}};
    if (header.empty()) request.headers.clear();
    request.body = server::http::Body::copy_of(as_bytes(body));
    return router.handle(request);
  }
  std::string ask(const char* method, const char* path, const char* query, const std::string& body) {
    const Response response = send(method, path, query, body, "");
    if (response.status != 201) __builtin_trap();
    return parse_json(as_text(response.bytes()), "answer")["id"];
  }

  server::Metrics metrics;
  server::Events events;
  server::Sessions sessions;
  server::Leases leases;
  server::VolumeShelf volumes;
  server::VolumeUploads uploads;
  server::http::Router router;
  std::string volume, id;
};

std::string fill_in(std::string path, const char* name, const std::string& value) {
  const auto at = path.find(name);
  return at == std::string::npos ? path : path.replace(at, std::string(name).size(), value);
}

std::string make_body(FuzzedDataProvider& data, const std::string& image) {
  const std::string text = data.ConsumeRandomLengthString(600);
  switch (data.ConsumeIntegralInRange(0, 3)) {
    case 0: {  // a drawing of the right size
      const auto side = [&](int most) { return data.ConsumeIntegralInRange(0, most); };
      const std::array<int, 3> lo{side(9), side(8), side(7)};
      const Json bounds{{lo[0], side(11)}, {lo[1], side(10)}, {lo[2], side(9)}};
      return Json{{"type", data.ConsumeBool() ? "scribble" : "lasso"}, {"bounds", bounds}, {"mask", text}}.dump(
          -1, ' ', false, Json::error_handler_t::replace);
    }
    case 1: {
      std::string file = image;
      const std::size_t count = std::min(file.size(), text.size());
      file.replace(file.size() - count, count, text, 0, count);
      return file;
    }
    default:
      return text;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static fuzz::Harness harness;
  static const std::string image = fuzz::make_image();
  Api api(harness, image);
  FuzzedDataProvider data(bytes, size);
  for (int requests = 0; requests < 6 && data.remaining_bytes() > 0; ++requests) {
    const auto& endpoint = kEndpoints[data.ConsumeIntegralInRange<std::size_t>(0, kEndpoints.size() - 1)];
    const std::string path = fill_in(fill_in(endpoint.path, "{id}", api.id), "{volume}", api.volume);
    const std::string query = data.ConsumeRandomLengthString(60);
    const std::string more = data.ConsumeBool() ? "" : data.ConsumeRandomLengthString(70);
    const std::string header = data.ConsumeBool() ? "" : data.ConsumeRandomLengthString(40);
    const Response response = api.send(endpoint.method, path + more, query, make_body(data, image), header);
    if (response.next_block || response.status == 500) __builtin_trap();
  }
  return 0;
}
