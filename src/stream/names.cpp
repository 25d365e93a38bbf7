#include "stream/names.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sagittal::stream {
namespace {

constexpr std::size_t kLongest = 64;  ///< letters that are compared

/// How many letters differ, are missing or too many (Levenshtein). What one of them ends with more counts half: "res"
/// is meant for "resize".
std::size_t distance(std::string_view a, std::string_view b) {
  a = a.substr(0, kLongest), b = b.substr(0, kLongest);
  if (!a.empty() && (a.starts_with(b) || b.starts_with(a)))
    return std::max(a.size(), b.size()) - std::min(a.size(), b.size());
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t corner = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = corner + (a[i] == b[j] ? 0 : 1);
      corner = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, corner + 1});
    }
  }
  return 2 * row.back();
}

}  // namespace

std::string there_are(std::vector<std::string> names, std::string_view wanted) {
  if (names.empty()) return "; there are none";
  if (wanted.empty()) return fmt::format("; there are: {}", fmt::join(names, ", "));
  std::stable_sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    return distance(a, wanted) < distance(b, wanted);
  });
  return fmt::format("; there are: {}", fmt::join(names, ", "));
}

}  // namespace sagittal::stream
