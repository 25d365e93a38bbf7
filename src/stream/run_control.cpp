#include "stream/run_control.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "stream/json_text.h"
#include "stream/names.h"
#include "stream/setting.h"

namespace sagittal::stream {
namespace {

constexpr std::size_t kMaxText = 65'536;
using Control = std::string (*)(RunControl&, std::string_view text);

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

std::string set(RunControl& control, std::string_view text) {
  set_parameters(control, text);
  return "done";
}

std::string start(RunControl& control, std::string_view text) {
  for (const std::string_view op : lines_of(text)) control.enable(op, true);
  return "done";
}

std::string stop(RunControl& control, std::string_view text) {
  const auto operators = lines_of(text);
  for (const std::string_view op : operators) control.enable(op, false);
  if (operators.empty()) control.stop("stopped by a peer");
  return "done";
}

std::string ask(RunControl& control, std::string_view text) {
  constexpr std::string_view where = "Command";
  const Json asked = parse_json(text, "the command");
  return json_text(control.command(json_get<std::string>(asked, "operator", where),
                                   json_get<std::string>(asked, "name", where),
                                   json_get_or<Json>(asked, "arguments", where, Json::object())));
}

std::string statistics(RunControl& control, std::string_view) { return json_text(control.describe()); }

struct Known {
  ControlCommand command;
  Control act;
};

const std::vector<Known>& known_commands() {
  static const std::vector<Known> all{
      {{"SetParameter",
        "`labels.threshold=0.4`, one a line, or `{\"labels\": {\"threshold\": 0.4}}`; `bone.use=spine` changes the "
        "model"},
       set},
      {{"Start", "names of operators to switch on, one a line"}, start},
      {{"Stop", "names of operators to switch off, one a line; without any the pipeline ends"}, stop},
      {{"Command", "`{\"operator\": \"volume\", \"name\": \"snapshot\"}`: what only that operator can do"}, ask},
      {{"GetStatistics", "nothing; the answer is the numbers of `sagittal stream run --json`"}, statistics},
  };
  return all;
}

const Known* find_command(std::string_view name) {
  const auto& all = known_commands();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Known& known) { return known.command.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

std::vector<ControlCommand> control_commands() {
  std::vector<ControlCommand> all;
  for (const Known& known : known_commands()) all.push_back(known.command);
  return all;
}

Json to_json(const ControlCommand& command) { return {{"name", command.name}, {"description", command.description}}; }

bool is_control_command(std::string_view name) { return find_command(name) != nullptr; }

std::string do_command(RunControl& control, std::string_view name, std::string_view text) {
  if (text.size() > kMaxText) {
    throw Error(ErrorCode::too_large, fmt::format("a command of {} bytes, at most {} are read", text.size(), kMaxText));
  }
  if (const Known* const known = find_command(name)) return known->act(control, text);
  throw Error(ErrorCode::unsupported,
              fmt::format("there is no command \"{}\"{}", name.substr(0, 100), there_are_of(control_commands(), name)));
}

}  // namespace sagittal::stream
