#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/http/router.h"

namespace sagittal::server {

/// Rows of the native API: all below /api/v1.
class RouteTable {
 public:
  using Handler = std::function<http::Response(const http::Request&)>;

  /// `path` begins behind /api/v1. Runs on the network thread until a queue is chosen.
  http::Route& add(const char* method, const std::string& path, const char* summary, Handler handler) {
    return routes_.emplace_back(
        http::Route{.method = method, .path = "/api/v1" + path, .summary = summary, .handler = std::move(handler)});
  }
  std::vector<http::Route> take() { return std::move(routes_); }

 private:
  std::vector<http::Route> routes_;
};

using http::RouteDoc;

/// Adds what the API's description says of a route.
inline http::Route& describe(http::Route& route, RouteDoc doc) {
  route.doc = std::make_shared<const RouteDoc>(std::move(doc));
  return route;
}
/// An answer of that schema.
inline RouteDoc::Answer json_answer(const char* schema, int status = 200, const char* help = "") {
  return {status, help, {{schema}}};
}
inline RouteDoc::Answer empty_answer(int status, const char* help) { return {status, help, {}}; }
/// An answer that is JSON, or the bits of its mask where the request accepts application/octet-stream.
inline RouteDoc::Answer mask_answer(const char* schema) {
  return {200,
          "As application/octet-stream, the mask is the body and the rest the header Sagittal-Reply.",
          {{schema}, {"", "application/octet-stream"}}};
}
inline RouteDoc::Answer file_answer(const char* media_type) { return {200, "A file.", {{"", media_type}}}; }

/// On a worker, one request of that path value after the other.
inline http::Route& in_turn(http::Route& route, const char* path_value) {
  route.run_on = http::RunOn::worker;
  route.queue_key = [path_value](const http::Request& head) { return "native " + head.path_values[path_value]; };
  return route;
}

}  // namespace sagittal::server
