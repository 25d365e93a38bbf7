#include "stream/operators/igtl_plus.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include <fmt/format.h>

#include "base/error.h"
#include "base/xml.h"
#include "volume/transforms.h"

namespace sagittal::stream {
namespace {

constexpr std::string_view kInfo = "client_info", kCommand = "a command";
constexpr std::size_t kMaxContent = 65'000;  // what OpenIGTLink's library takes of a COMMAND, less its head
constexpr std::size_t kMaxName = 127;

using Names = std::vector<std::string>;

igtl::ClientInfo::Image image_of(const std::string& name, std::string codec = {}) {
  TransformName parts = parse_transform_name(name);
  return {std::move(parts.from), std::move(parts.to), std::move(codec)};
}

bool is_xml_name(std::string_view name) {
  const auto fits = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  return !name.empty() && std::all_of(name.begin(), name.end(), fits) && !(name[0] >= '0' && name[0] <= '9');
}

std::string text_of(const Json& value, const std::string& key) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "TRUE" : "FALSE";
  if (value.is_number()) return value.dump();
  throw Error(ErrorCode::bad_input, fmt::format("{}: \"{}\" is no text, number, true or false", kCommand, key));
}

}  // namespace

igtl::ClientInfo client_info_of(const Json& wishes) {
  constexpr std::array<std::string_view, 7> keys{"images",   "videos", "transforms",       "strings",
                                                 "tracking", "types",  "tracking_interval"};
  if (!wishes.is_object()) throw Error(ErrorCode::bad_input, "client_info: expected a table");
  for (const auto& [key, value] : wishes.items()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      throw Error(ErrorCode::bad_input, fmt::format("client_info: there is no \"{}\"", key));
    }
  }
  igtl::ClientInfo out;
  for (const std::string& name : json_get_or<Names>(wishes, "images", kInfo, {})) out.images.push_back(image_of(name));
  for (const auto& [name, codec] : json_get_or<std::map<std::string, std::string>>(wishes, "videos", kInfo, {})) {
    if (codec.size() != 4) {
      throw Error(ErrorCode::bad_input, fmt::format("client_info: codec \"{}\", expected four characters", codec));
    }
    out.videos.push_back(image_of(name, codec));
  }
  out.transforms = json_get_or<Names>(wishes, "transforms", kInfo, {});
  for (const std::string& name : out.transforms) parse_transform_name(name);
  out.strings = json_get_or<Names>(wishes, "strings", kInfo, {});
  out.tracking = json_get_or<bool>(wishes, "tracking", kInfo, false);
  out.tracking_interval = json_get_or<int>(wishes, "tracking_interval", kInfo, 0);
  if (out.tracking_interval < 0) throw Error(ErrorCode::bad_input, "client_info: \"tracking_interval\" is below 0");
  if (!out.images.empty()) out.types.emplace_back("IMAGE");
  if (!out.videos.empty()) out.types.emplace_back("VIDEO");
  if (!out.transforms.empty()) out.types.emplace_back(out.tracking ? "TDATA" : "TRANSFORM");
  if (!out.strings.empty()) out.types.emplace_back("STRING");
  for (std::string& type : json_get_or<Names>(wishes, "types", kInfo, {})) out.types.push_back(std::move(type));
  return out;
}

igtl::Command plus_command_of(const Json& command) {
  igtl::Command out;
  if (!command.is_object()) throw Error(ErrorCode::bad_input, "a command: expected {name: …}");
  out.name = json_get<std::string>(command, "name", kCommand);
  if (out.name.empty() || out.name.size() > kMaxName) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: a name of {} bytes", kCommand, out.name.size()));
  }
  out.text.text = fmt::format("<Command Name=\"{}\"", escape_xml(out.name));
  for (const auto& [key, value] : command.items()) {
    if (key == "name") continue;
    if (!is_xml_name(key)) throw Error(ErrorCode::bad_input, fmt::format("{}: \"{}\" is no name", kCommand, key));
    out.text.text += fmt::format(" {}=\"{}\"", key, escape_xml(text_of(value, key)));
  }
  out.text.text += " />";
  if (out.text.text.size() > kMaxContent) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: {} bytes, at most {}", kCommand, out.text.text.size(), kMaxContent));
  }
  return out;
}

}  // namespace sagittal::stream
