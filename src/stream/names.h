#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace sagittal::stream {

/// What names of operators, pipelines and assets are made of.
inline constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

/// Behind "there is no …": "; there are: threshold, resize, …", those first that `wanted` may have been meant for (by
/// edit distance); "; there are none".
std::string there_are(std::vector<std::string> names, std::string_view wanted);

/// The same of things with a name, or pointers to them.
template <class All>
std::string there_are_of(const All& all, std::string_view wanted) {
  std::vector<std::string> names;
  for (const auto& one : all) {
    if constexpr (requires { one->name(); }) {
      names.push_back(one->name());
    } else {
      names.push_back(one.name);
    }
  }
  return there_are(std::move(names), wanted);
}

}  // namespace sagittal::stream
