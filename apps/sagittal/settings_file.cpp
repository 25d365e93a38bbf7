#include "settings_file.h"

#include <string>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "hub/toml.h"

namespace sagittal {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} << 10;

/// A value as the command line would have it; empty for what a command line cannot say.
std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number() ? value.dump() : "";
}

void add_values(CLI::Option& option, const Json& value) {
  if (option.get_expected_min() == 0) {
    if (!value.is_boolean()) throw Error(ErrorCode::wrong_usage, "true or false is expected");
    if (value.get<bool>()) option.add_result("true");
  } else if (value.is_array()) {
    if (option.get_expected_max() == 1 && option.get_multi_option_policy() != CLI::MultiOptionPolicy::TakeAll) {
      throw Error(ErrorCode::wrong_usage, "one value is expected");
    }
    for (const Json& one : value) {
      if (text_of(one).empty()) throw Error(ErrorCode::wrong_usage, "a list of texts or numbers is expected");
      option.add_result(text_of(one));
    }
  } else {
    if (!value.is_string() && !value.is_number()) throw Error(ErrorCode::wrong_usage, "a text or a number is expected");
    option.add_result(text_of(value));
  }
}

void set(CLI::App& command, const std::string& key, const Json& value) {
  CLI::Option* option = command.get_option_no_throw("--" + key);
  if (option == nullptr || !option->get_configurable()) {
    throw Error(ErrorCode::wrong_usage,
                fmt::format("there is no such option; `sagittal {} --help` lists them", command.get_name()));
  }
  if (option->count() > 0) return;
  try {
    add_values(*option, value);
    if (option->count() > 0) option->run_callback();
  } catch (const CLI::ParseError& error) {
    throw Error(ErrorCode::wrong_usage, error.what());
  }
}

void read(CLI::App& command, const std::string& file) {
  const Bytes bytes = read_file(file, kMaxBytes);
  const Json settings = hub::parse_toml(as_text(bytes), file);
  for (const auto& [key, value] : settings.items()) {
    try {
      set(command, key, value);
    } catch (const Error& error) {
      throw Error(ErrorCode::wrong_usage, fmt::format("{}: {}: {}", file, key, error.what()));
    }
  }
}

}  // namespace

void add_settings_file(CLI::App& command) {
  command
      .add_option_function<std::string>(
          "--config", [&command](const std::string& file) { read(command, file); },
          "A file with any of the options below, such as port = 1527; the command line comes first")
      ->type_name("FILE")
      ->configurable(false);
}

}  // namespace sagittal
