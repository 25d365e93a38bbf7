#include "server/access/gate.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace sagittal::server {
namespace {

using http::Header;
using http::Request;
using http::Response;
using http::Route;

/// "host" of "host:port" and "[::1]:port".
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

bool is_loopback_host(std::string_view host) {
  if (host == "localhost" || host.ends_with(".localhost") || host == "[::1]") return true;
  in_addr address{};
  return ::inet_pton(AF_INET, std::string(host).c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

std::string machine_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return lower_case(name.data());
}

void require_origin(std::string_view origin) {
  const auto mark = origin.find("://");
  const bool scheme = origin.starts_with("http://") || origin.starts_with("https://");
  if (scheme && mark + 3 < origin.size() && origin.find_first_of("/*?# ", mark + 3) == std::string_view::npos) return;
  throw Error(ErrorCode::wrong_usage,
              fmt::format("--allow-origin takes the beginning of a page's address, such as https://viewer.example.org, "
                          "without a path or *; found {}",
                          origin));
}

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

/// Whether a browser says that another site's page caused this request, in the header that came before `Origin` does.
bool is_of_foreign_page(const Request& head) {
  const std::string_view site = head.header("Sec-Fetch-Site");
  if (site != "cross-site" && site != "same-site") return false;
  const bool link_to_page = head.header("Sec-Fetch-Mode") == "navigate" && head.path == "/";
  return !link_to_page;
}

constexpr std::string_view kHowToSend =
    "put it in front of the server's name in the address (http://NAME:KEY@server:1527), or into the field for the API "
    "key; `sagittal key add NAME` makes keys";

}  // namespace

Gate::Gate(GateOptions options, ApiKeys* keys, LogSink log)
    : options_([&] {
        for (std::string& origin : options.allowed_origins) require_origin(origin = lower_case(origin));
        for (std::string& host : options.allowed_hosts) host = lower_case(host);
        return std::move(options);
      }()),
      keys_(keys),
      log_(std::move(log)),
      failed_logins_(options_.failed_logins),
      own_name_(machine_name()) {}

std::optional<Gate::Refusal> Gate::check_host(const Request& head) const {
  if (!head.to_loopback) return std::nullopt;
  const std::string host = lower_case(without_port(head.header("Host")));
  if (host.empty() || is_loopback_host(host) || host == own_name_ || contains(options_.allowed_hosts, host)) return {};
  return Refusal{403,
                 fmt::format("this server does not answer to the name {}; start it with --allow-host {} if that is "
                             "its name",
                             host, host)};
}

bool Gate::is_allowed_origin(const Request& head) const {
  return contains(options_.allowed_origins, lower_case(head.header("Origin")));
}

/// No client but a browser sends an origin.
std::optional<Gate::Refusal> Gate::check_origin(const Request& head) const {
  const std::string origin = lower_case(head.header("Origin")), host = lower_case(head.header("Host"));
  if (origin.empty()) {
    if (!is_of_foreign_page(head)) return std::nullopt;
    return Refusal{403, "web pages of other sites cannot use this server"};
  }
  if (is_allowed_origin(head)) return std::nullopt;
  if (!host.empty() && (origin == "http://" + host || origin == "https://" + host)) return std::nullopt;
  return Refusal{
      403, fmt::format("web pages from {} cannot use this server; --allow-origin {} would let them", origin, origin)};
}

std::optional<Gate::Refusal> Gate::check_key(Request& head) {
  if (keys_ == nullptr) return std::nullopt;
  const std::string key = presented_key(head);
  // Browsers ask for a Basic password themselves, in front of the viewer's own question.
  const bool native = head.path.starts_with("/api/");
  const std::vector<Header> challenge{
      {"WWW-Authenticate", native ? R"(Bearer realm="Sagittal")" : R"(Basic realm="Sagittal", charset="UTF-8")"}};
  if (key.empty()) return Refusal{401, fmt::format("this server wants a key: {}", kHowToSend), challenge};
  if (std::optional<std::string> owner = keys_->owner_of(key)) {
    head.owner = std::move(*owner);
    return std::nullopt;
  }
  const auto wait = failed_logins_.count(head.remote_address);
  if (wait.count() == 0) {
    return Refusal{401, fmt::format("the key is not known here, perhaps it was revoked: {}", kHowToSend), challenge};
  }
  if (log_) log_(LogLevel::warning, fmt::format("many wrong keys from {}", head.remote_address));
  return Refusal{429,
                 fmt::format("too many wrong keys from {}; try again in {} s", head.remote_address, wait.count()),
                 {{"Retry-After", std::to_string(wait.count())}}};
}

std::optional<Gate::Refusal> Gate::check(Request& head) {
  if (auto refusal = check_host(head)) return refusal;
  if (auto refusal = check_origin(head)) return refusal;
  return check_key(head);
}

namespace {

/// In the dialect's own form where it is one's; some of them say errors with status 200.
Response refuse(const Request& head, const Route* route, int status, const std::string& text) {
  const Error error(ErrorCode::unauthorized, text);
  Response response = route ? http::translate(*route, head, error) : http::error_response(error);
  if (response.status == describe(error.code()).http_status) response.status = status;
  return response;
}

Response answer_preflight(const Request& head) {
  Response response;
  response.status = 204;
  response.headers = {{"Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE"},
                      {"Access-Control-Allow-Headers",
                       "Authorization, Content-Type, Content-Encoding, Content-Range, Range, X-Lease-Token, X-Meta"},
                      {"Access-Control-Max-Age", "600"}};
  if (head.header("Access-Control-Request-Private-Network") == "true") {
    response.headers.push_back({"Access-Control-Allow-Private-Network", "true"});
  }
  return response;
}

}  // namespace

http::Admission Gate::admit(Request& head, const Route* route) {
  http::Admission admission;
  if (is_allowed_origin(head)) {
    admission.answer_headers = {
        {"Access-Control-Allow-Origin", std::string(head.header("Origin"))},
        {"Access-Control-Expose-Headers",
         "X-Meta, Retry-After, Content-Disposition, Location, Sagittal-Received, Sagittal-Reply"},
        {"Vary", "Origin"}};
    if (head.method == "OPTIONS" && !head.header("Access-Control-Request-Method").empty() && !check_host(head)) {
      admission.refusal = answer_preflight(head);
      return admission;
    }
  }
  if (route != nullptr && route->open) return admission;
  if (const auto refusal = check(head)) {
    admission.denied = true;
    admission.refusal = refuse(head, route, refusal->status, refusal->text);
    for (const Header& header : refusal->headers) admission.refusal->headers.push_back(header);
  }
  return admission;
}

namespace {

/// Web pages cannot set headers where they open a WebSocket: they offer the key beside the protocol that they want.
std::string_view offered_key(const Request& request) {
  constexpr std::string_view mark = "key.";
  if (!http::equal_ignoring_case(request.header("Upgrade"), "websocket")) return {};
  for (const std::string_view offer : http::header_elements(request.header("Sec-WebSocket-Protocol"))) {
    if (offer.starts_with(mark)) return offer.substr(mark.size());
  }
  return {};
}

}  // namespace

std::string presented_key(const Request& request) {
  if (const auto basic = http::basic_credentials(request)) return basic->password;
  const std::string_view token = http::bearer_token(request);
  return std::string(token.empty() ? offered_key(request) : token);
}

}  // namespace sagittal::server
