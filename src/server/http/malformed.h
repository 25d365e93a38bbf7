#pragma once
#include <cstddef>

#include <boost/system/error_code.hpp>

#include "server/http/response.h"

namespace sagittal::server::http {

/// Whether reading a header failed because of what it says, not because of the connection.
bool is_malformed(const boost::system::error_code& error);

/// The answer to such a header: 400, or 431 where it is longer than `max_bytes`.
Response malformed_response(const boost::system::error_code& error, std::size_t max_bytes);

}  // namespace sagittal::server::http
