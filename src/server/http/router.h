#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "server/http/request.h"
#include "server/http/response.h"
#include "server/http/route_doc.h"

namespace sagittal::server::http {

/// Where a handler runs: on a network thread (it must return at once) or on a worker of the queue.
enum class RunOn { network, worker };

/// One row of the table that describes the server's interface. Handlers may be called from several threads at once.
struct Route {
  std::string method = {};   ///< "GET" also answers HEAD
  std::string path = {};     ///< "/healthz"; "/upload/{id}/{n}": any one segment there is in `Request::path_values`
  std::string summary = {};  ///< one sentence for people
  std::function<Response(const Request&)> handler = {};
  RunOn run_on = RunOn::network;
  bool heavy = false;  ///< predicts: on a worker, it leaves some of them to others, and learns when its client leaves
  std::uint64_t max_body_bytes = 0;
  /// Whether a request is meant for this route, by its head alone; the first route that accepts it has it. Empty: all.
  std::function<bool(const Request& head)> accepts = {};
  bool open = false;          ///< for everybody, with keys or without
  bool takes_prefix = false;  ///< also answers under "/any-one-segment" in front of the path

  /// The error in the dialect's own form; also for bodies that never came or were too large, then with a request
  /// without body. Empty: `error_response`.
  std::function<Response(const Request&, const Error&)> on_error = {};
  /// Told of a request before its body is received; at once. What it throws is the answer.
  std::function<void(const Request& head)> on_head = {};
  /// Told of a request whose body has come, before it waits for a worker; at once. What it throws is the answer. Where
  /// it gives an answer, the client has that, and the handler's goes nowhere. It may set the request's `context`.
  std::function<std::optional<Response>(Request&)> on_body = {};
  /// What a client meant that announced a body and sends none of it; asked once, shortly after the header came.
  std::function<std::optional<Body>(const Request& head)> recall_body = {};
  /// Not empty: the path opens a WebSocket, and this is its subprotocol, chosen where a client offers it. The handler
  /// is called for well-formed requests for one only, and answers with `on_web_socket`.
  std::string web_socket = {};
  /// Requests of one key run one after the other, in order. Empty: all by the peer's address.
  std::function<std::string(const Request& head)> queue_key = {};
  std::shared_ptr<const RouteDoc> doc = {};  ///< what it takes and answers; null: the summary says it all
};

/// Finds the route of a request. Immutable once built; any thread.
class Router {
 public:
  /// `reserved`: first path segments, beside those of the routes themselves, that are no prefix.
  explicit Router(std::vector<Route> routes, std::vector<std::string> reserved = {});

  /// Sets `prefix`, `path` and `path_value` of the request and returns its route, or null with `failure` set to the 404
  /// or 405.
  const Route* find(Request& request, Response& failure) const;

  /// Everything at once, for callers without a socket: find, call, translate what is thrown, drop a HEAD's body.
  Response handle(Request request) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  const Route* match(Request& request, std::string_view path, bool behind_prefix, std::string& allowed) const;
  bool is_prefix(std::string_view segment) const;

  std::vector<Route> routes_;
  std::vector<std::string> reserved_;
};

/// Calls the route's handler; whatever it throws becomes the route's error form.
Response call(const Route& route, const Request& request);
/// `error` in the route's own form.
Response translate(const Route& route, const Request& request, const Error& error);

}  // namespace sagittal::server::http
