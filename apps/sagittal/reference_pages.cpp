#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/json.h"
#include "cli_reference.h"

namespace sagittal::reference {
namespace {

struct Named {
  std::string_view name;
  std::string_view meaning;
};

constexpr Named kEnvironment[] = {
    {"SAGITTAL_DICOMWEB_KEY", "user:password or a token for the archive of --dicomweb."},
    {"XDG_DATA_HOME", "The data directory is its folder sagittal; ~/.local/share/sagittal where it is not set."},
    {"XDG_CACHE_HOME",
     "Which kernels are the fastest on this machine is kept in its folder sagittal; default: ~/.cache."},
    {"NO_COLOR", "No colours on the terminal."},
};

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
  return fmt::format("{}", fmt::join(words, separator));
}

/// What a parameter's help leaves to its declaration: range, choices, default, what it needs.
std::string facts(const Parameter& parameter) {
  std::vector<std::string> parts;
  if (!parameter.choices.empty()) parts.push_back("one of " + joined(parameter.choices, ", "));
  if (!parameter.range.empty()) parts.push_back(parameter.range);
  if (!parameter.default_value.empty()) parts.push_back("default: " + parameter.default_value);
  if (!parameter.needs.empty()) parts.push_back("needs " + joined(parameter.needs, ", "));
  if (parameter.required && parameter.names.front().starts_with('-')) parts.push_back("required");
  if (parameter.repeats) parts.push_back("may be given several times");
  return parts.empty() ? "" : fmt::format(" ({})", joined(parts, "; "));
}

std::string with_hyphens(std::string name) {
  for (char& letter : name) letter = letter == ' ' ? '-' : letter;
  return name;
}

/// Text that roff takes literally: backslashes, hyphens that are typed, and no line that begins as a request.
std::string roff(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins_line = i == 0 || text[i - 1] == '\n';
    if (begins_line && (text[i] == '.' || text[i] == '\'')) out += "\\&";
    if (text[i] == '\\') {
      out += "\\e";
    } else if (text[i] == '-') {
      out += "\\-";
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string roff_parameters(std::string_view title, const std::vector<Parameter>& parameters) {
  std::string out = parameters.empty() ? "" : fmt::format(".SH {}\n", title);
  for (const Parameter& parameter : parameters) {
    std::vector<std::string> names;
    for (const std::string& name : parameter.names) names.push_back("\\fB" + roff(name) + "\\fR");
    out += ".TP\n" + joined(names, ", ");
    const bool is_option = parameter.names.front().starts_with('-');
    if (is_option && !parameter.value.empty()) out += " \\fI" + roff(parameter.value) + "\\fR";
    out += "\n" + roff(parameter.help + facts(parameter)) + "\n";
  }
  return out;
}

std::string roff_commands(const std::vector<Command>& commands) {
  std::string out = commands.empty() ? "" : ".SH COMMANDS\n";
  for (const Command& command : commands)
    out += fmt::format(".TP\n\\fB{}\\fR(1)\n{}\n", roff(page_name(command)), roff(command.help));
  return out;
}

/// What is the same for all commands stands in the page of the program alone.
std::string roff_program() {
  std::string out = fmt::format(
      ".SH EXIT STATUS\n0 where it was done, {} where it was not, {} for a command line that cannot be run as typed.\n",
      describe(ErrorCode::io).exit_code, describe(ErrorCode::wrong_usage).exit_code);
  out += ".SH ENVIRONMENT\n";
  for (const Named& variable : kEnvironment)
    out += fmt::format(".TP\n\\fB{}\\fR\n{}\n", variable.name, roff(variable.meaning));
  return out;
}

std::string markdown_cell(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    if (letter == '|' || letter == '<' || letter == '*' || letter == '_' || letter == '[') out += '\\';
    out += letter;
  }
  return out;
}

std::string markdown_parameters(const std::vector<Parameter>& parameters) {
  std::string out;
  for (const Parameter& parameter : parameters) {
    if (parameter.names.front() == "-h") continue;
    std::vector<std::string> names;
    for (const std::string& name : parameter.names) names.push_back("`" + name + "`");
    const bool is_option = parameter.names.front().starts_with('-');
    const std::string value = is_option && !parameter.value.empty() ? " *" + markdown_cell(parameter.value) + "*" : "";
    out += fmt::format("{}{}\n: {}\n\n", joined(names, ", "), value, markdown_cell(parameter.help + facts(parameter)));
  }
  return out;
}

void append_markdown(const Command& command, int level, std::string& out) {
  out += fmt::format("{} {}\n\n{}.\n\n```text\n{}\n```\n\n", std::string(static_cast<std::size_t>(level), '#'),
                     command.name, markdown_cell(command.help), usage(command));
  out += markdown_parameters(command.positionals) + markdown_parameters(command.options);
  for (const Command& below : command.commands) append_markdown(below, level + 1, out);
}

Json to_json(const Parameter& parameter) {
  return {{"names", parameter.names}, {"value", parameter.value},       {"choices", parameter.choices},
          {"range", parameter.range}, {"needs", parameter.needs},       {"default", parameter.default_value},
          {"help", parameter.help},   {"required", parameter.required}, {"repeats", parameter.repeats}};
}

Json to_json(const Command& command) {
  Json out = {{"name", command.name},         {"help", command.help},     {"usage", usage(command)},
              {"positionals", Json::array()}, {"options", Json::array()}, {"commands", Json::array()}};
  for (const Parameter& positional : command.positionals) out["positionals"].push_back(to_json(positional));
  for (const Parameter& option : command.options) out["options"].push_back(to_json(option));
  for (const Command& below : command.commands) out["commands"].push_back(to_json(below));
  return out;
}

}  // namespace

std::string man_page(const Command& command, const std::string& version) {
  const bool is_program = command.name.find(' ') == command.name.npos;
  std::string out = fmt::format(".TH {} 1 \"\" \"Sagittal {}\" \"Sagittal\"\n", roff(page_name(command)), version);
  out += fmt::format(".SH NAME\n{} \\- {}\n", roff(page_name(command)), roff(command.help));
  out += fmt::format(".SH SYNOPSIS\n\\fB{}\\fR{}\n", command.name, roff(usage(command).substr(command.name.size())));
  out += roff_parameters("ARGUMENTS", command.positionals);
  out += roff_parameters("OPTIONS", command.options) + roff_commands(command.commands);
  if (is_program) out += roff_program();
  if (!is_program) {
    out +=
        fmt::format(".SH SEE ALSO\n.BR {} (1)\n", roff(with_hyphens(command.name.substr(0, command.name.rfind(' ')))));
  }
  return out;
}

std::string page_name(const Command& command) { return with_hyphens(command.name); }

std::string markdown(const Command& program) {
  std::string out = "# Command line\n\n";
  out += "Every command and option, as the program declares them. `--help` after any command prints its part.\n\n";
  append_markdown(program, 2, out);
  out += "## Environment\n\n";
  for (const Named& variable : kEnvironment)
    out += fmt::format("`{}`\n: {}\n\n", variable.name, markdown_cell(variable.meaning));
  return out;
}

std::string json(const Command& program) { return to_json(program).dump(2); }

}  // namespace sagittal::reference
