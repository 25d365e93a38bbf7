#include "stream/run_control.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "stream/json_text.h"
#include "stream/setting.h"

namespace sagittal::stream {
namespace {

constexpr std::size_t kMaxText = 65'536;
constexpr std::array<std::string_view, 5> kNames{"SetParameter", "Start", "Stop", "Command", "GetStatistics"};

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::string_view line : split(text, '\n')) {
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) continue;
    lines.push_back(line.substr(first, line.find_last_not_of(" \t\r") - first + 1));
  }
  return lines;
}

void set_line(RunControl& control, std::string_view line) {
  const Setting setting = parse_setting(line);
  control.set_parameter(setting.op, setting.parameter, setting.value);
}

void set_parameters(RunControl& control, std::string_view text) {
  const auto lines = lines_of(text);
  if (lines.empty()) throw Error(ErrorCode::bad_input, "expected operator.parameter=value");
  if (!lines.front().starts_with('{')) {
    for (const std::string_view line : lines) set_line(control, line);
    return;
  }
  const Json table = parse_json(text, "the parameters");
  for (const auto& [op, values] : table.items()) {
    if (!values.is_object()) throw Error(ErrorCode::bad_input, fmt::format("\"{}\": expected a table", op));
    for (const auto& [parameter, value] : values.items()) control.set_parameter(op, parameter, value);
  }
}

}  // namespace

bool is_control_command(std::string_view name) { return std::find(kNames.begin(), kNames.end(), name) != kNames.end(); }

std::string do_command(RunControl& control, std::string_view name, std::string_view text) {
  if (text.size() > kMaxText) {
    throw Error(ErrorCode::too_large, fmt::format("a command of {} bytes, at most {} are read", text.size(), kMaxText));
  }
  if (name == "SetParameter") {
    set_parameters(control, text);
  } else if (name == "Start" || name == "Stop") {
    const auto operators = lines_of(text);
    for (const std::string_view op : operators) control.enable(op, name == "Start");
    if (operators.empty() && name == "Stop") control.stop("stopped by a peer");
  } else if (name == "Command") {
    const Json asked = parse_json(text, "the command");
    return json_text(control.command(json_get<std::string>(asked, "operator", name),
                                     json_get<std::string>(asked, "name", name),
                                     json_get_or<Json>(asked, "arguments", name, Json::object())));
  } else if (name == "GetStatistics") {
    return json_text(control.describe());
  } else {
    throw Error(ErrorCode::unsupported, fmt::format("there is no command \"{}\"", name.substr(0, 100)));
  }
  return "done";
}

}  // namespace sagittal::stream
