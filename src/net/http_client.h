#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/progress.h"

namespace sagittal::net {

/// What a server wants to see. Sent to no other server that it redirects to.
struct HttpKey {
  std::string user;    ///< empty: `secret` is a bearer token, or nothing
  std::string secret;  ///< password or token
};
/// "user:password", or a token; white space around it does not count. Error(bad_input) for an empty text and for
/// control characters.
HttpKey parse_http_key(std::string_view text);

struct HttpOptions {
  HttpKey key = {};
  std::string ca_file = {};  ///< PEM, instead of the system's; certificates are always verified
  std::chrono::seconds connect_timeout{10};
  std::chrono::seconds stall_timeout{30};  ///< without a byte
  std::chrono::seconds timeout{900};       ///< of a whole exchange; 0: as long as bytes come
  int max_redirects = 4;                   ///< within http and https; from https never to http
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers = {};
  ByteView body = {};
  std::uint64_t max_answer_bytes = std::uint64_t{8} << 20;
};

struct HttpAnswer {
  int status = 0;
  std::string content_type;
  std::string etag = {};  ///< with its quotes
  std::string last_modified = {};
  std::string content_range = {};  ///< "bytes 5-9/10"
  std::string authenticate = {};   ///< WWW-Authenticate: how it wants to be asked
  std::optional<std::uint64_t> content_length = {};
  Bytes body;  ///< of a success where no sink took it; else the first 4 KiB
};

/// `http://` or `https://` with a host, without user, query and fragment; trailing slashes go. Error(wrong_usage).
std::string checked_base_url(const std::string& url);
/// `text` as a part of a path or query.
std::string percent_encoded(std::string_view text);

/// An HTTP client with limits; each call has a connection of its own. Any thread.
class HttpClient {
 public:
  explicit HttpClient(HttpOptions options) : options_(std::move(options)) {}

  /// Called with each block of the body of a 2xx answer, from the calling thread; what it throws ends the exchange.
  using Sink = std::function<void(const HttpAnswer& head, ByteView block)>;

  /// Error(unavailable) where there is no answer in time, Error(too_large) beyond the limit, Error(bad_input) for what
  /// is no HTTP, Error(cancelled). Any status is an answer.
  HttpAnswer send(const HttpRequest& request, const CancelToken& cancel, const Sink& sink = {}) const;

 private:
  const HttpOptions options_;
};

}  // namespace sagittal::net
