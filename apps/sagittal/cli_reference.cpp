#include "cli_reference.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"

namespace sagittal::reference {
namespace {

/// CLI11 joins the type and what its checks call themselves: "INT:INT in [0 - 65535]", "TEXT:{local,slurm}", "UINT:SIZE
/// [b, …".
void read_type(std::string_view type, Parameter& parameter) {
  const auto colon = type.find(':');
  parameter.value = type.substr(0, colon);
  if (colon == type.npos) return;
  const std::string_view check = type.substr(colon + 1);
  if (check.starts_with('{')) {
    const auto choices = split(check.substr(1, check.find('}') - 1), ',');
    parameter.choices.assign(choices.begin(), choices.end());
  } else if (const auto begin = check.find(" in ["); begin != check.npos) {
    parameter.range = check.substr(begin + 5, check.find(']') - begin - 5);
    const auto dash = parameter.range.find(" - ");
    if (dash != parameter.range.npos) parameter.range.replace(dash, 3, " to ");
  } else {
    parameter.value = check.substr(0, check.find(' '));
  }
}

Parameter describe_option(const CLI::Option& option) {
  Parameter parameter;
  if (option.get_positional()) {
    parameter.names = {option.get_name(true, false)};
  } else {
    for (const std::string& name : option.get_snames()) parameter.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) parameter.names.push_back("--" + name);
  }
  const bool is_flag = option.get_items_expected_max() == 0;
  if (!is_flag) read_type(option.get_type_name(), parameter);
  if (!is_flag) parameter.default_value = option.get_default_str();
  for (const CLI::Option* needed : option.get_needs()) parameter.needs.push_back(needed->get_name());
  std::sort(parameter.needs.begin(), parameter.needs.end());
  parameter.help = option.get_description();
  parameter.required = option.get_required();
  const int least = option.get_expected_min();
  const int most = option.get_expected_max();
  const bool a_fixed_number = least > 1 && least == most;
  if (a_fixed_number) {  // "INT INT INT"
    const std::vector<std::string> each(static_cast<std::size_t>(least), parameter.value);
    parameter.value = fmt::format("{}", fmt::join(each, " "));
  }
  parameter.repeats =
      !a_fixed_number && (most > 1 || option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll);
  return parameter;
}

Command describe_below(const CLI::App& app, const std::string& above) {
  Command command;
  command.name = above.empty() ? app.get_name() : above + " " + app.get_name();
  command.help = app.get_description();
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    (option->get_positional() ? command.positionals : command.options).push_back(describe_option(*option));
  }
  for (const CLI::App* below : app.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); }))
    command.commands.push_back(describe_below(*below, command.name));
  return command;
}

bool is_name_of(const std::string& word, const Parameter& option) {
  return std::find(option.names.begin(), option.names.end(), word) != option.names.end();
}

const Parameter* find_option(const Command& command, const std::string& word) {
  const auto found = std::find_if(command.options.begin(), command.options.end(),
                                  [&](const Parameter& option) { return is_name_of(word, option); });
  return found == command.options.end() ? nullptr : &*found;
}

const Command* find_command(const Command& command, const std::string& word) {
  const auto found = std::find_if(command.commands.begin(), command.commands.end(),
                                  [&](const Command& below) { return below.name == command.name + " " + word; });
  return found == command.commands.end() ? nullptr : &*found;
}

}  // namespace

Command describe(const CLI::App& app) { return describe_below(app, ""); }

std::string usage(const Command& command) {
  std::string text = command.name;
  if (!command.options.empty()) text += " [OPTIONS]";
  for (const Parameter& positional : command.positionals) {
    const std::string name = positional.names.front() + (positional.repeats ? "..." : "");
    text += positional.required ? " " + name : " [" + name + "]";
  }
  if (!command.commands.empty()) text += " COMMAND";
  return text;
}

std::vector<Candidate> complete(const Command& program, const std::vector<std::string>& words) {
  const Command* command = &program;
  const Parameter* open = nullptr;  // an option that waits for its value
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "=") continue;  // bash gives --option=value as three words
    if (open != nullptr) {
      open = nullptr;
    } else if (word.starts_with('-')) {
      open = find_option(*command, word);
      if (open != nullptr && open->value.empty()) open = nullptr;
    } else if (const Command* below = find_command(*command, word)) {
      command = below;
    }
  }
  std::string begun = words.empty() || words.back() == "=" ? "" : words.back();
  std::string before;  // "--option=" where value and option are one word
  if (const auto equals = begun.find('='); open == nullptr && begun.starts_with("--") && equals != begun.npos) {
    open = find_option(*command, begun.substr(0, equals));
    before = begun.substr(0, equals + 1);
  }
  std::vector<Candidate> found;
  const auto offer = [&](const std::string& word, const std::string& help) {
    if (word.starts_with(begun)) found.push_back({word, help});
  };
  if (open != nullptr) {
    for (const std::string& choice : open->choices) offer(before + choice, "");
  } else if (begun.starts_with('-')) {
    for (const Parameter& option : command->options) {
      for (const std::string& name : option.names) offer(name, option.help);
    }
  } else {
    for (const Command& below : command->commands) offer(below.name.substr(command->name.size() + 1), below.help);
  }
  return found;
}

}  // namespace sagittal::reference
