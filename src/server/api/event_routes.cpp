#include "server/api/event_routes.h"

#include <utility>

#include "server/api/route_table.h"

namespace sagittal::server {

std::vector<http::Route> event_routes(const std::shared_ptr<SessionAccess>& access) {
  Events* const events = access->services().events;
  if (events == nullptr) return {};
  RouteTable table;
  http::Route& route = table.add(
      "GET", "/sessions/{id}/events", "A WebSocket: progress, masks, segments, errors.",
      [access, events](const http::Request& request) {
        access->require(request);
        const auto listener = events->listen(request.path_values["id"], request.owner);
        const Json hello{{"type", "hello"}, {"revision", access->revision(request)}};
        http::Response response;
        response.status = 101;
        response.on_web_socket = [listener, hello](std::shared_ptr<http::WebSocket> socket) -> std::shared_ptr<void> {
          listener->open(std::move(socket), hello);
          return listener;
        };
        return response;
      });
  route.run_on = http::RunOn::worker;  // not in turn: it does not wait for a prediction
  route.queue_key = [](const http::Request& head) { return "events " + head.path_values["id"]; };
  route.web_socket = "sagittal.v1";
  describe(route, {.answers = {{101, "Texts of JSON, each with its \"type\".", {}}}});
  return table.take();
}

}  // namespace sagittal::server
