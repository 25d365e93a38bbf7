#include "server/state/client_key.h"

namespace sagittal::server {

std::string client_key(const http::Request& request) {
  if (!request.prefix.empty()) return "prefix " + request.prefix;
  if (const auto user = http::basic_user(request)) return "user " + *user;
  return "address " + request.remote_address;
}

}  // namespace sagittal::server
