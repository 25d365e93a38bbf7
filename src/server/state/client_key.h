#pragma once
#include <string>

#include "server/http/request.h"

namespace sagittal::server {

/// Who a client without sessions of its own is: the path prefix, else the Basic user, else the peer's address; apart
/// for each owner of a key.
std::string client_key(const http::Request& request);

/// `name` as a key of `Sessions` that another owner can neither have nor guess; and whose it is. An owner's name holds
/// no space.
std::string owned_key(const std::string& owner, const std::string& name);
std::string owner_of(const std::string& key);

}  // namespace sagittal::server
