#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "commands.h"
#include "hub/fetch.h"
#include "hub/weights.h"
#include "licence_question.h"
#include "model_lookup.h"
#include "progress_bar.h"

namespace sagittal::commands {
namespace {

struct Arguments {
  std::string name;
  std::string data_directory = default_data_directory().string();
  std::string accepted;
  std::string mirror;
  bool json = false;
};

void list_weights(bool json) {
  Json rows = Json::array();
  for (const hub::KnownWeights& known : hub::known_weights()) {
    Json folders = Json::array();
    for (const auto& archive : known.archives) folders.push_back(archive.folder);
    rows.push_back({{"name", known.name}, {"title", known.title}, {"licence", known.licence}, {"folders", folders}});
    if (!json) fmt::print("{:<42}  {:<16}  {}\n", known.name, known.licence, known.title);
  }
  if (json) fmt::print("{}\n", Json{{"weights", rows}}.dump());
}

/// The licence that the user accepts: named on the command line, or at a terminal by a word.
std::string ask_for_licence(const hub::KnownWeights& weights, const Arguments& arguments) {
  if (!arguments.accepted.empty() || !can_ask()) return arguments.accepted;
  return accepts_licence(weights.title, weights.licence, weights.licence_uri) ? weights.licence : "";
}

Json describe(const hub::FetchedModel& model) {
  Json files = Json::array();
  for (const auto& file : model.files) {
    files.push_back({{"url", file.url}, {"sha256", file.sha256}, {"published", file.published}});
  }
  return {{"folder", model.folder.string()}, {"was_there", model.was_there}, {"files", files}};
}

void print_model(const hub::FetchedModel& model) {
  fmt::print("{}{}\n", model.folder.string(), model.was_there ? " was there already" : "");
  for (const auto& file : model.files) {
    if (!file.published)
      fmt::print("  SHA-256 {} of {} (its makers publish none to compare with)\n", file.sha256, file.url);
  }
}

void fetch(const Arguments& arguments) {
  if (arguments.name.empty()) {
    list_weights(arguments.json);
    return;
  }
  const hub::KnownWeights weights = hub::find_weights(arguments.name);
  const hub::FetchOptions options{.models = std::filesystem::path(arguments.data_directory) / "models",
                                  .mirror = arguments.mirror,
                                  .accepted = ask_for_licence(weights, arguments)};
  const auto models = [&] {
    ProgressBar bar;
    return hub::fetch_weights(weights, options, {.sink = bar.sink(), .cancel = {}});
  }();
  Json described = Json::array();
  for (const hub::FetchedModel& model : models) {
    described.push_back(describe(model));
    if (!arguments.json) print_model(model);
  }
  if (arguments.json)
    fmt::print("{}\n", Json{{"name", weights.name}, {"licence", weights.licence}, {"models", described}}.dump());
}

}  // namespace

void add_model_fetch(CLI::App& model) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = model.add_subcommand("fetch", "Get published weights; without a name, list them");
  command->add_option("name", arguments->name, "Which");
  command->add_option("--accept-licence,--accept-license", arguments->accepted,
                      "The licence that you accept, by its name");
  command->add_option("--mirror", arguments->mirror,
                      "Address in the place of https://github.com or https://huggingface.co");
  command->add_option("--data-dir", arguments->data_directory, "Models are put into its folder models")
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "One JSON object");
  command->callback([arguments] { fetch(*arguments); });
}

}  // namespace sagittal::commands
