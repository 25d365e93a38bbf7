#include "server/http/router.h"

#include <algorithm>
#include <new>
#include <utility>

#include <fmt/format.h>

namespace sagittal::server::http {
namespace {

constexpr std::size_t kMaxPrefix = 64;

std::string_view first_segment(std::string_view path) { return path.substr(1, path.find('/', 1) - 1); }

/// The first segment of `path`, which loses it and the slash behind it.
std::string_view take_segment(std::string_view& path) {
  const auto slash = std::min(path.size(), path.find('/'));
  const std::string_view segment = path.substr(0, slash);
  path.remove_prefix(std::min(path.size(), slash + 1));
  return segment;
}

/// Whether a segment is as its pattern says: "{id}", "{name}.json" or plain text. What stands in braces goes to
/// `values`.
bool match_segment(std::string_view pattern, std::string_view segment, PathValues& values) {
  const auto open = pattern.find('{');
  if (open == std::string_view::npos) return pattern == segment;
  const auto close = pattern.find('}', open);
  const std::string_view before = pattern.substr(0, open), after = pattern.substr(close + 1);
  if (segment.size() <= before.size() + after.size() || !segment.starts_with(before) || !segment.ends_with(after)) {
    return false;
  }
  values.add(pattern.substr(open + 1, close - open - 1),
             segment.substr(before.size(), segment.size() - before.size() - after.size()));
  return true;
}

/// "/files/{+rest}": what stands in braces with a plus, at the end, is one segment or more.
bool match_pattern(std::string_view pattern, std::string_view path, PathValues& values) {
  values.clear();
  if (pattern.find('{') == std::string_view::npos) return pattern == path;
  const bool open_end = pattern.find("{+") != std::string_view::npos;
  if (!open_end && std::count(pattern.begin(), pattern.end(), '/') != std::count(path.begin(), path.end(), '/'))
    return false;
  while (!pattern.empty()) {
    if (pattern.starts_with("{+")) {
      if (path.empty()) return false;
      values.add(pattern.substr(2, pattern.size() - 3), path);
      return true;
    }
    if (!match_segment(take_segment(pattern), take_segment(path), values)) return false;
  }
  return path.empty();
}

}  // namespace

Router::Router(std::vector<Route> routes, std::vector<std::string> reserved)
    : routes_(std::move(routes)), reserved_(std::move(reserved)) {
  for (const Route& route : routes_) reserved_.emplace_back(first_segment(route.path));
}

bool Router::is_prefix(std::string_view segment) const {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '@';
  };
  return !segment.empty() && segment.size() <= kMaxPrefix && std::all_of(segment.begin(), segment.end(), allowed) &&
         std::find(reserved_.begin(), reserved_.end(), segment) == reserved_.end();
}

const Route* Router::match(Request& request, std::string_view path, bool behind_prefix, std::string& allowed) const {
  for (const Route& route : routes_) {
    if ((behind_prefix && !route.takes_prefix) || !match_pattern(route.path, path, request.path_values)) continue;
    if (route.accepts && !route.accepts(request)) continue;
    if (route.method == request.method || (route.method == "GET" && request.method == "HEAD")) {
      request.path_value = request.path_values.first();
      return &route;
    }
    allowed += (allowed.empty() ? "" : ", ") + route.method + (route.method == "GET" ? ", HEAD" : "");
  }
  return nullptr;
}

const Route* Router::find(Request& request, Response& failure) const {
  std::string allowed;
  if (const Route* route = match(request, request.path, false, allowed)) return route;
  const std::string segment(first_segment(request.path));
  if (allowed.empty() && is_prefix(segment)) {
    const std::string rest = request.path.size() > segment.size() + 1 ? request.path.substr(segment.size() + 1) : "/";
    if (const Route* route = match(request, rest, true, allowed)) {
      request.prefix = segment;
      request.path = rest;
      return route;
    }
  }
  if (!allowed.empty()) {
    failure = error_response(
        Error(ErrorCode::bad_input, fmt::format("{} cannot be used on this path, only {}", request.method, allowed)));
    failure.status = 405;
    failure.headers.push_back({"Allow", allowed});
  } else {
    failure = error_response(Error(ErrorCode::not_found, fmt::format("there is nothing at {}", request.path)));
  }
  return nullptr;
}

Response Router::handle(Request request) const {
  Response response;
  if (const Route* route = find(request, response)) {
    std::optional<Response> at_once;
    try {
      if (route->on_body) at_once = route->on_body(request);
      response = call(*route, request);
    } catch (const Error& error) {
      response = translate(*route, request, error);
    }
    if (at_once) response = std::move(*at_once);
  }
  if (request.method == "HEAD") response.body = nullptr;
  return response;
}

Response call(const Route& route, const Request& request) {
  try {
    return route.handler(request);
  } catch (const Error& error) {
    return translate(route, request, error);
  } catch (const std::bad_alloc&) {
    return translate(route, request,
                     Error(ErrorCode::too_large, "out of memory: the data is too large for this server"));
  } catch (const std::exception& error) {
    return translate(route, request, Error(ErrorCode::internal, error.what()));
  }
}

Response translate(const Route& route, const Request& request, const Error& error) {
  return route.on_error ? route.on_error(request, error) : error_response(error);
}

}  // namespace sagittal::server::http
