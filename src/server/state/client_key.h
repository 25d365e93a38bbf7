#pragma once
#include <string>

#include "server/http/request.h"

namespace sagittal::server {

/// Who a client without sessions of its own is: the path prefix, else the Basic user, else the peer's address.
std::string client_key(const http::Request& request);

}  // namespace sagittal::server
