#include <cstdio>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "base/json.h"
#include "commands.h"
#include "key_file_option.h"
#include "server/access/api_keys.h"

namespace sagittal::commands {
namespace {

struct Arguments {
  KeyFileOption file;
  std::string name;
  bool json = false;
};

void add_key(const Arguments& arguments) {
  server::ApiKeyFile file(arguments.file.path());
  const std::string key = file.add(arguments.name);
  fmt::print("{}\n", key);
  std::fflush(stdout);
  fmt::print(stderr, "This is {}'s key; it is shown this once. {} holds only its SHA-256.\n", arguments.name,
             file.path().string());
}

void list_keys(const Arguments& arguments) {
  const auto keys = server::ApiKeyFile(arguments.file.path()).read();
  if (!arguments.json) {
    for (const auto& key : keys) fmt::print("{:<24} {}\n", key.name, key.created);
    return;
  }
  Json rows = Json::array();
  for (const auto& key : keys) rows.push_back({{"name", key.name}, {"created", key.created}});
  fmt::print("{}\n", Json{{"keys", rows}}.dump());
}

}  // namespace

void add_key(CLI::App& app) {
  auto* command = app.add_subcommand("key", "Keys for the people who use `sagittal serve`");
  command->require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();

  auto* add = command->add_subcommand("add", "Makes a key for NAME and prints it, this once");
  add->add_option("NAME", arguments->name, "One word: letters, digits, -_.@")->required();
  add_key_file_option(*add, arguments->file);
  add->callback([arguments] { add_key(*arguments); });

  auto* list = command->add_subcommand("list", "Who has a key, and since when");
  add_key_file_option(*list, arguments->file);
  list->add_flag("--json", arguments->json, "One JSON object");
  list->callback([arguments] { list_keys(*arguments); });

  auto* revoke = command->add_subcommand("revoke", "Takes NAME's key away; a running server follows within a second");
  revoke->add_option("NAME", arguments->name, "Whose key")->required();
  add_key_file_option(*revoke, arguments->file);
  revoke->callback([arguments] { server::ApiKeyFile(arguments->file.path()).revoke(arguments->name); });
}

}  // namespace sagittal::commands
