#include "server/state/client_key.h"

namespace sagittal::server {

namespace {

constexpr const char* kOwner = "owner ";

std::string name_of(const http::Request& request) {
  if (!request.prefix.empty()) return "prefix " + request.prefix;
  if (const auto user = http::basic_user(request)) return "user " + *user;
  return "address " + request.remote_address;
}

}  // namespace

std::string client_key(const http::Request& request) { return owned_key(request.owner, name_of(request)); }

std::string owned_key(const std::string& owner, const std::string& name) {
  return owner.empty() ? name : kOwner + owner + " " + name;
}

std::string owner_of(const std::string& key) {
  const std::string mark = kOwner;
  return key.starts_with(mark) ? key.substr(mark.size(), key.find(' ', mark.size()) - mark.size()) : std::string();
}

}  // namespace sagittal::server
