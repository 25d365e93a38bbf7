#include "interact/guide_model.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "interact/guide_features.h"

namespace sagittal::interact {
namespace {

constexpr const char* kWhat = "sagittal.json";
constexpr std::size_t kLongestName = 64;
constexpr std::int64_t kShortestSide = 8, kLongestSide = 128;

[[noreturn]] void refuse(std::string_view where, std::string sentence) {
  throw Error(ErrorCode::bad_input, fmt::format("{}: {}", where, sentence));
}

void expect_only(const Json& json, const std::string& key) {
  if (!json.is_object()) refuse(kWhat, "expected an object");
  for (const auto& item : json.items()) {
    if (item.key() != key) refuse(kWhat, fmt::format("unknown key \"{}\", expected \"{}\"", item.key(), key));
  }
}

bool is_plain(const std::string& name) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; };
  return !name.empty() && name.size() <= kLongestName && std::all_of(name.begin(), name.end(), allowed);
}

}  // namespace

Declaration parse_declaration(const Json& json) {
  expect_only(json, "guide");
  if (!json.contains("guide")) return {};
  const Json guide = json_get<Json>(json, "guide", kWhat);
  expect_only(guide, "folder");
  const auto folder = json_get<std::string>(guide, "folder", kWhat);
  if (!is_plain(folder)) refuse(kWhat, "\"folder\" must be a name of letters a to z, digits, - and _");
  return {folder};
}

void check_guide(const GuideModel& guide, const std::string& name) {
  const std::string where = fmt::format("guide of model {}", name);
  if (!guide) refuse(where, "has no network");
  if (guide.network->input_channels() != kGuideChannels || guide.network->output_channels() != 2) {
    refuse(where, fmt::format("the network takes {} channels and answers with {} classes, expected {} and 2",
                              guide.network->input_channels(), guide.network->output_channels(), kGuideChannels));
  }
  for (int axis = 0; axis < 3; ++axis) {
    const std::int64_t side = guide.side[axis], multiple = guide.multiple[axis];
    if (side < kShortestSide || side > kLongestSide || multiple < 1 || side % multiple != 0) {
      refuse(where, fmt::format("side {} is not one of {} to {} that is a multiple of {}", side, kShortestSide,
                                kLongestSide, multiple));
    }
  }
}

}  // namespace sagittal::interact
