#include "server/http/malformed.h"

#include <fmt/format.h>
#include <boost/beast/http/error.hpp>

namespace sagittal::server::http {

namespace beast = boost::beast;

bool is_malformed(const boost::system::error_code& error) {
  const boost::system::error_code left = beast::http::error::end_of_stream, cut = beast::http::error::partial_message;
  return error.category() == left.category() && error != left && error != cut;
}

Response malformed_response(const boost::system::error_code& error, std::size_t max_bytes) {
  const bool too_long = error == beast::http::error::header_limit || error == beast::http::error::buffer_overflow;
  Response response = error_response(
      Error(ErrorCode::bad_input, too_long ? fmt::format("the request header is longer than {} bytes", max_bytes)
                                           : fmt::format("not a valid HTTP request: {}", error.message())));
  if (too_long) response.status = 431;
  return response;
}

}  // namespace sagittal::server::http
