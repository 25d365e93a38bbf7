#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/access/api_keys.h"
#include "server/access/failed_logins.h"
#include "server/http/admission.h"

namespace sagittal::server {

struct GateOptions {
  std::vector<std::string> allowed_origins;  ///< of web pages on other servers: "https://viewer.example.org"
  std::vector<std::string> allowed_hosts;    ///< names of this machine, beside localhost and its own, that clients use
  FailedLoginLimits failed_logins;
};

/// Who may ask what, decided by a request's head before its body is read:
/// - a request that reached a loopback address names this machine as its host (a page whose name was rebound does not);
/// - one from a web page comes from this server's own or from an allowed origin;
/// - where there are keys, it carries one: as Bearer token, as Basic password with any user name, or for a WebSocket as
///   the offered protocol `key.KEY`.
/// Routes that are `open` need none of it. Any thread.
class Gate {
 public:
  /// `keys`: null where everybody may come in; must outlive the gate. Throws Error(wrong_usage) for an origin that is
  /// none, "*" too.
  Gate(GateOptions options, ApiKeys* keys, LogSink log = {});

  http::Admission admit(http::Request& head, const http::Route* route);

 private:
  struct Refusal {
    int status = 403;
    std::string text;
    std::vector<http::Header> headers = {};
  };
  std::optional<Refusal> check_host(const http::Request& head) const;
  std::optional<Refusal> check_origin(const http::Request& head) const;
  std::optional<Refusal> check_key(http::Request& head);
  bool is_allowed_origin(const http::Request& head) const;
  std::optional<Refusal> check(http::Request& head);

  const GateOptions options_;
  ApiKeys* const keys_;
  const LogSink log_;
  FailedLogins failed_logins_;
  std::string own_name_;
};

/// The key of `Authorization: Bearer KEY` or `Basic user:KEY`, or for a WebSocket of the offered protocol `key.KEY`;
/// empty where there is none.
std::string presented_key(const http::Request& request);

}  // namespace sagittal::server
