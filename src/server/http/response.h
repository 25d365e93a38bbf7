#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "server/http/request.h"
#include "server/http/web_socket.h"

namespace sagittal::server::http {

/// One HTTP response. The listener adds Content-Length (or chunked coding), Date, Server and Connection.
struct Response {
  int status = 200;
  std::vector<Header> headers;
  std::shared_ptr<const Bytes> body;  ///< whole body; null: empty
  /// A body that is made while it is sent, instead of `body`: called until it returns an empty block, from a network
  /// thread, so it must be quick; an exception breaks the connection off.
  std::function<Bytes()> next_block;
  /// How many bytes the blocks have together, where that is known: any other number breaks the connection off.
  std::optional<std::uint64_t> stream_bytes;
  /// Instead of an answer, where the route is a WebSocket's: the connection becomes one.
  OnWebSocket on_web_socket;

  std::string_view header(std::string_view name) const { return find_header(headers, name); }
  ByteView bytes() const { return body ? ByteView(*body) : ByteView(); }
};

Response make_response(int status, std::string_view content_type, Bytes body);
Response text_response(int status, std::string_view content_type, std::string_view text);
Response json_response(int status, const Json& json);

/// {"code","message","details"}; texts may be no UTF-8.
Json error_json(const Error& error);
/// The native error form: `{"error":{"code","message","details"}}` with the status of the error's code.
Response error_response(const Error& error);

/// "Not Found" for 404; "Unknown" for what this server never sends.
std::string_view reason_phrase(int status);

}  // namespace sagittal::server::http
