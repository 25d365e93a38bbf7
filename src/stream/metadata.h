#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sagittal::stream {

/// Texts that travel with a message, in the order they were set; a key is there once. At most kMaxEntries.
class Metadata {
 public:
  static constexpr std::size_t kMaxEntries = 1000;
  using Entry = std::pair<std::string, std::string>;

  /// What happens to a key that is there already.
  enum class Merge { keep, update };

  /// Error(too_large) beyond kMaxEntries.
  void set(std::string_view key, std::string value);
  void merge(const Metadata& other, Merge how);
  /// Null where there is none; valid until the next change.
  const std::string* find(std::string_view key) const;

  const std::vector<Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }
  bool operator==(const Metadata&) const = default;

 private:
  std::vector<Entry> entries_;
};

}  // namespace sagittal::stream
