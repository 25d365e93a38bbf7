#include "interact/capabilities.h"

#include <cmath>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::interact {
namespace {

constexpr const char* kInfo = "inference_info.json";
constexpr const char* kLegacy = "inference_session_class.json";
constexpr const char* kSessionClass = "nnInteractiveInferenceSession";
constexpr int kMaxChannels = 64;

[[noreturn]] void refuse(std::string_view where, std::string sentence) {
  throw Error(ErrorCode::bad_input, fmt::format("{}: {}", where, sentence));
}

/// All groups of digits: "2.5.0-rc1" is {2, 5, 0, 1}.
std::vector<long> version_numbers(const std::string& text) {
  std::vector<long> numbers;
  bool in_number = false;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (digit && !in_number) numbers.push_back(0);
    if (digit) numbers.back() = std::min(numbers.back() * 10 + (c - '0'), 1000000L);
    in_number = digit;
  }
  return numbers;
}

void check_class(const Json& info) {
  const auto name = json_get_or<std::string>(info, "inference_class", kInfo, kSessionClass);
  if (name != kSessionClass) {
    refuse(kInfo, fmt::format("\"inference_class\" is \"{}\", expected \"{}\"; this checkpoint needs another program",
                              name, kSessionClass));
  }
  const auto minimum = json_get_or<std::string>(info, "inference_class_min_version", kInfo, "");
  if (version_numbers(minimum) > version_numbers(kSessionVersion)) {
    refuse(kInfo, fmt::format("needs session rules of version {}, these are those of {}; update the program", minimum,
                              kSessionVersion));
  }
}

void read_supported(const Json& info, Capabilities& out) {
  const auto found = info.find("supported_interactions");
  if (found == info.end() || found->is_null()) return;
  if (!found->is_object()) refuse(kInfo, "\"supported_interactions\" must be an object");
  const std::map<std::string, bool*> fields{{"points", &out.supports_points},
                                            {"scribble", &out.supports_scribble},
                                            {"lasso", &out.supports_lasso},
                                            {"bbox2d", &out.supports_bbox2d},
                                            {"bbox3d", &out.supports_bbox3d}};
  for (const auto& [key, value] : found->items()) {
    const auto field = fields.find(key);
    if (field == fields.end()) refuse(kInfo, fmt::format("unknown interaction \"{}\"", key));
    if (!value.is_boolean()) refuse(kInfo, fmt::format("\"supported_interactions\".\"{}\" must be a bool", key));
    *field->second = value.get<bool>();
  }
}

int read_channel(const Json& value, const std::string& key) {
  const Json holder{{key, value}};
  const int channel = json_get<int>(holder, key.c_str(), kInfo);
  if (channel < -kMaxChannels || channel >= kMaxChannels) {
    refuse(kInfo, fmt::format("channel {} of \"{}\" is out of range", channel, key));
  }
  return channel;
}

void read_mapping(const Json& info, Capabilities& out) {
  const auto found = info.find("channel_mapping");
  if (found == info.end() || found->is_null()) return;
  if (!found->is_object()) refuse(kInfo, "\"channel_mapping\" must be an object");
  const std::map<std::string, ChannelPair*> pairs{{"bbox2d", &out.bbox2d},
                                                  {"bbox3d", &out.bbox3d},
                                                  {"lasso", &out.lasso},
                                                  {"points", &out.points},
                                                  {"scribble", &out.scribble}};
  for (const auto& [key, value] : found->items()) {
    if (key == "prev_seg") {
      out.prev_seg_channel = read_channel(value, key);
      continue;
    }
    const auto pair = pairs.find(key);
    if (pair == pairs.end()) refuse(kInfo, fmt::format("\"channel_mapping\" has an unknown key \"{}\"", key));
    if (!value.is_array() || value.size() != 2) {
      refuse(kInfo, fmt::format("\"channel_mapping\".\"{}\" must be [positive, negative]", key));
    }
    *pair->second = {read_channel(value[0], key), read_channel(value[1], key)};
  }
}

std::vector<int*> prompt_channels(Capabilities& out) {
  std::vector<int*> channels;
  for (ChannelPair* pair : {&out.bbox2d, &out.bbox3d, &out.lasso, &out.points, &out.scribble}) {
    channels.push_back(&pair->positive);
    channels.push_back(&pair->negative);
  }
  return channels;
}

/// Counts the channels and makes negative indices, which count from the end, positive.
void settle_channels(const Json& info, Capabilities& out) {
  std::vector<int*> channels = prompt_channels(out);
  channels.push_back(&out.prev_seg_channel);
  int needed = 1;
  for (const int* channel : channels) needed = std::max(needed, *channel >= 0 ? *channel + 1 : -*channel);
  const int declared = json_get_or<int>(info, "interaction_channels", kInfo, needed - 1);
  if (declared < 0 || declared >= kMaxChannels) {
    refuse(kInfo, fmt::format("\"interaction_channels\" is {}, expected 0 to {}", declared, kMaxChannels - 1));
  }
  out.num_interaction_channels = declared + 1;
  if (out.num_interaction_channels < needed) {
    refuse(kInfo,
           fmt::format("\"channel_mapping\" needs {} channels, there are {}", needed, out.num_interaction_channels));
  }
  for (int* channel : channels) {
    if (*channel < 0) *channel += out.num_interaction_channels;
  }
  for (const int* channel : prompt_channels(out)) {
    if (*channel == out.prev_seg_channel) {
      refuse(kInfo, fmt::format("\"channel_mapping\" gives channel {} to prompts and to prev_seg", *channel));
    }
  }
}

/// The fields that both forms of the file have.
void read_drawing(const Json& info, const char* where, Capabilities& out) {
  const auto radius = info.find("point_radius");
  if (radius != info.end() && !radius->is_null()) {
    constexpr double largest = 32;
    if (!radius->is_number()) refuse(where, "\"point_radius\" must be one number");
    out.point_radius = radius->get<double>();
    if (!(out.point_radius >= 1 && out.point_radius <= largest) || out.point_radius != std::floor(out.point_radius)) {
      refuse(where,
             fmt::format("\"point_radius\" is {}, expected a whole number from 1 to {}", out.point_radius, largest));
    }
  }
  const auto thickness = info.find("preferred_scribble_thickness");
  if (thickness != info.end() && thickness->is_number()) {
    out.preferred_scribble_thickness.fill(thickness->get<double>());
  } else if (thickness != info.end() && !thickness->is_null()) {
    const auto list = json_get<std::vector<double>>(info, "preferred_scribble_thickness", where);
    if (list.size() != 3) refuse(where, "\"preferred_scribble_thickness\" must be a number or three");
    std::copy(list.begin(), list.end(), out.preferred_scribble_thickness.begin());
  }
  const auto decay = info.find("interaction_decay");
  if (decay != info.end()) {
    out.interaction_decay.reset();
    if (!decay->is_null()) out.interaction_decay = json_get<double>(info, "interaction_decay", where);
    if (out.interaction_decay && !(*out.interaction_decay > 0 && *out.interaction_decay <= 1)) {
      refuse(where, fmt::format("\"interaction_decay\" is {}, expected (0, 1] or null", *out.interaction_decay));
    }
  }
  const auto padding = json_get_or<std::string>(info, "pad_mode_image", where, "constant");
  if (padding != "constant") {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: \"pad_mode_image\" is \"{}\", only \"constant\" is known", where, padding));
  }
}

}  // namespace

Capabilities parse_inference_info(const Json& info) {
  if (!info.is_object()) refuse(kInfo, fmt::format("expected an object, found {}", info.type_name()));
  Capabilities out;
  check_class(info);
  read_supported(info, out);
  read_mapping(info, out);
  settle_channels(info, out);
  out.supports_initial_label = json_get_or<bool>(info, "supports_initial_label", kInfo, true);
  out.supports_zero_shot_label_refinement = json_get_or<bool>(info, "supports_zero_shot_label_refinement", kInfo, true);
  read_drawing(info, kInfo, out);
  return out;
}

Capabilities parse_legacy_session_class(const Json& info) {
  Capabilities out;
  if (info.is_string()) {
    constexpr double oldest_decay = 0.9;
    out.interaction_decay = oldest_decay;
    return out;
  }
  if (!info.is_object()) refuse(kLegacy, fmt::format("expected a string or an object, found {}", info.type_name()));
  read_drawing(info, kLegacy, out);
  return out;
}

}  // namespace sagittal::interact
