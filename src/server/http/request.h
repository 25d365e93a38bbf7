#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/progress.h"

namespace sagittal::server::http {

struct Header {
  std::string name;
  std::string value;
};

bool equal_ignoring_case(std::string_view a, std::string_view b);
/// The value of the first header called `name` (any case), trimmed; empty where there is none.
std::string_view find_header(const std::vector<Header>& headers, std::string_view name);

class BodyMemory;

/// The bytes of a request's body; copies share them.
class Body {
 public:
  Body() = default;
  explicit Body(std::shared_ptr<BodyMemory> memory) : memory_(std::move(memory)) {}
  static Body copy_of(ByteView bytes);

  std::size_t size() const { return bytes().size(); }
  ByteView bytes() const;
  /// Owner of `bytes` for what outlives the request. They no longer count as a request's: whoever keeps them does.
  std::shared_ptr<const void> keep() const;

 private:
  std::shared_ptr<BodyMemory> memory_;
};

/// What stands in a path where its route has segments in braces, by their names.
class PathValues {
 public:
  void clear() { values_.clear(); }
  void add(std::string_view name, std::string_view value) { values_.emplace_back(name, value); }
  /// Empty where the route has no such segment; else at least one character.
  const std::string& operator[](std::string_view name) const;
  std::string first() const { return values_.empty() ? std::string() : values_[0].second; }

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

/// One HTTP request. What the router fills in: `prefix`, the `path` without it, `path_value` and `path_values`.
struct Request {
  std::string method;
  std::string path = "/";      ///< percent-decoded, without query
  std::string query;           ///< behind the question mark, as sent
  std::string path_value;      ///< the segment where the route's path has the first one in braces
  PathValues path_values;      ///< all of them
  std::string prefix;          ///< one leading segment of the path that belongs to no route, without slashes
  std::string remote_address;  ///< of the peer, without port
  std::string owner;           ///< whose key the request carries; empty where there are no keys
  bool to_loopback = false;    ///< it reached an address that only this computer has
  bool encrypted = false;      ///< it came over TLS
  std::vector<Header> headers;
  Body body;
  std::shared_ptr<const void> context;  ///< from a route's `on_body` to its handler
  CancelToken gone;  ///< cancelled when the peer closes its connection while a handler of a heavy route works

  std::string_view header(std::string_view name) const { return find_header(headers, name); }
};

/// Splits a request target ("/a%20b?c=d", or the absolute form) into path and query. Throws Error(bad_input) for
/// anything else, a broken escape, or a control character in the path.
void set_target(Request& request, std::string_view target);

/// `text` without its %-escapes. Error(bad_input) names `what` for a broken one and for control characters.
std::string decode_percent(std::string_view text, std::string_view what);

struct Credentials {
  std::string user;
  std::string password;
};
/// What `Authorization: Basic` says, where that header is well-formed.
std::optional<Credentials> basic_credentials(const Request& request);
/// The user name of it, where that is not empty.
std::optional<std::string> basic_user(const Request& request);
/// The token of `Authorization: Bearer`; empty where there is none.
std::string_view bearer_token(const Request& request);

/// The elements of a header value such as `keep-alive, Upgrade`, trimmed; empty ones are left out.
std::vector<std::string_view> header_elements(std::string_view value);

/// A parameter of a header value such as `multipart/form-data; boundary=abc`, unquoted; empty where absent.
std::string header_parameter(std::string_view value, std::string_view name);

}  // namespace sagittal::server::http
