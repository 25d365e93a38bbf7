#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sagittal::server::http {

/// The fields of a query string such as "point=1&point=2&foreground=true", decoded; `+` is a space.
class Query {
 public:
  /// Throws Error(bad_input) for broken escapes, control characters and more than 64 fields.
  explicit Query(std::string_view text);

  bool has(std::string_view name) const;
  /// The values of every field of that name, in order.
  std::vector<std::string> all(std::string_view name) const;
  /// The value of the only field of that name; Error(bad_input) where there is none, or several.
  std::string one(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace sagittal::server::http
