#pragma once
#include <functional>
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

/// On a worker, one request of that path value after the other.
inline http::Route& in_turn(http::Route& route, const char* path_value) {
  route.run_on = http::RunOn::worker;
  route.queue_key = [path_value](const http::Request& head) { return "native " + head.path_values[path_value]; };
  return route;
}

}  // namespace sagittal::server
