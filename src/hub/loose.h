#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace sagittal::hub {

/// An object that somebody wrote by hand: what is missing is empty without a word, what has the wrong type is empty
/// with a warning. Holds references to the JSON and to the warnings, of which a card keeps the first 50.
class Loose {
 public:
  static constexpr std::size_t kLine = 500;
  static constexpr std::size_t kText = 20'000;

  /// `where` names the object in warnings, e.g. "meta.json: summary".
  Loose(const Json& value, std::string where, std::vector<std::string>& warnings);

  /// Text; numbers and truth values are texts as well.
  std::string line(const char* key, std::size_t max_bytes = kLine) const;
  std::string text(const char* key, std::size_t max_bytes = kText) const;
  /// An address that is safe to follow; "" and "n/a" are none.
  std::string uri(const char* key) const;
  std::optional<bool> flag(const char* key) const;
  /// A whole number that is not negative, or its digits.
  std::optional<std::int64_t> count(const char* key) const;
  /// Each text of a list, or the one text that stands for a list. At most `most`.
  std::vector<std::string> lines(const char* key, std::size_t most = 200) const;
  Loose object(const char* key) const;
  /// The objects of a list, at most `most`.
  std::vector<Loose> objects(const char* key, std::size_t most = 200) const;

  const Json& json() const { return *value_; }
  bool has(const char* key) const { return find(key) != nullptr; }
  void warn(std::string_view sentence) const;

 private:
  const Json* find(const char* key) const;
  const Json& list(const char* key, std::size_t most) const;
  std::string name(const char* key) const;
  std::optional<std::string> scalar(const char* key) const;

  const Json* value_;
  std::string where_;
  std::vector<std::string>* warnings_;
};

/// Adds a warning unless there are 50.
void add_warning(std::vector<std::string>& warnings, std::string_view sentence);

}  // namespace sagittal::hub
