#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/json.h"
#include "commands.h"
#include "hub/catalogue.h"
#include "hub/hub.h"
#include "hub/model_source.h"
#include "hub_text.h"
#include "model_lookup.h"
#include "progress_bar.h"
#include "store/folder_lock.h"

namespace sagittal::commands {
namespace {

struct Arguments {
  std::string data_directory = default_data_directory().string();
  std::string from = hub::kMHubModels;
  std::vector<std::string> words;
  hub::Query query;
  std::string model;
  bool json = false;
};

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::unique_ptr<hub::Hub> open_hub(const Arguments& arguments) {
  return std::make_unique<hub::Hub>(catalogue_file(arguments.data_directory),
                                    model_directories(arguments.data_directory));
}

Json warnings_of(const hub::FoundModels& found) {
  Json out = Json::array();
  for (const std::string& problem : found.problems) out.push_back({{"model", nullptr}, {"text", problem}});
  for (const hub::ModelCard& card : found.cards) {
    for (const std::string& text : card.warnings) out.push_back({{"model", card.name}, {"text", text}});
  }
  return out;
}

hub::FoundModels find_with_progress(const std::string& from) {
  ProgressBar bar;
  try {
    return hub::find_models(from, {.sink = bar.sink(), .cancel = {}});
  } catch (Error& error) {
    const bool default_place = from == hub::kMHubModels;
    if (error.code() != ErrorCode::unavailable || !default_place) throw;
    throw Error(ErrorCode::unavailable, fmt::format("{}; without a network, --from takes a checkout or an archive of "
                                                    "https://github.com/MHubAI/models",
                                                    error.what()));
  }
}

void sync(const Arguments& arguments) {
  const hub::FoundModels found = find_with_progress(arguments.from);
  durable::make_private_folder(arguments.data_directory);
  hub::Catalogue catalogue(catalogue_file(arguments.data_directory));
  catalogue.replace(found.cards, arguments.from);
  const Json warnings = warnings_of(found);
  if (arguments.json) {
    const auto synced = catalogue.synced();
    fmt::print("{}\n", dump({{"models", found.cards.size()},
                             {"time", synced->time},
                             {"from", arguments.from},
                             {"skipped", found.skipped},
                             {"warnings", warnings}}));
    return;
  }
  for (const Json& warning : warnings) {
    const std::string model = warning.at("model").is_null() ? "" : warning.at("model").get<std::string>() + ": ";
    fmt::print(stderr, "warning: {}{}\n", model, warning.at("text").get<std::string>());
  }
  if (!found.skipped.empty())
    fmt::print(stderr, "without meta.json, so no models: {}\n", fmt::join(found.skipped, ", "));
  fmt::print("{} models from {}\n", found.cards.size(), arguments.from);
}

void search(const Arguments& arguments) {
  hub::Query query = arguments.query;
  query.text = fmt::format("{}", fmt::join(arguments.words, " "));
  const Json list = open_hub(arguments)->list(query);
  if (arguments.json) {
    fmt::print("{}\n", dump(list));
    return;
  }
  print_models(list);
  std::fflush(stdout);
  if (list.at("models").empty()) fmt::print(stderr, "no model of {} fits\n", list.at("total").get<std::size_t>());
  if (list.at("synced").is_null()) fmt::print(stderr, "only this machine's models; `sagittal hub sync` adds MHub's\n");
}

void show(const Arguments& arguments) {
  const Json card = open_hub(arguments)->card(arguments.model, arguments.query.source);
  if (arguments.json) {
    fmt::print("{}\n", dump(card));
  } else {
    print_card(card);
  }
}

struct Action {
  CLI::App* command;
  std::shared_ptr<Arguments> arguments;
};

Action add_action(CLI::App& hub, const char* name, const char* help, void (*run)(const Arguments&)) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = hub.add_subcommand(name, help);
  command->add_option("--data-dir", arguments->data_directory, "Where the list and models are kept")
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "One JSON object");
  command->callback([arguments, run] { run(*arguments); });
  return {command, arguments};
}

}  // namespace

void add_hub(CLI::App& app) {
  CLI::App* hub = app.add_subcommand("hub", "Find and run models: MHub's, and those of this machine");
  hub->require_subcommand(1);
  const Action syncing = add_action(*hub, "sync", "Fetch the list of MHub's models", sync);
  syncing.command
      ->add_option("--from", syncing.arguments->from,
                   "Address, or file: an answer of MHub's web API or an archive of its repository; or folder: a "
                   "checkout of it")
      ->capture_default_str();
  const Action searching = add_action(*hub, "search", "List the models, or those that fit", search);
  hub::Query& query = searching.arguments->query;
  searching.command->add_option("text", searching.arguments->words, "Words in name, title, description or structures");
  searching.command->add_option("--modality", query.modality, "CT, MR, PT, …");
  searching.command->add_option("--body-part", query.body_part, "Part of a body part's name");
  searching.command->add_option("--structure", query.structure, "What is segmented: SegDB id, name or code");
  searching.command->add_option("--licence,--license", query.licence,
                                "Of the weights: commercial, non-commercial, unknown, or how its SPDX id begins");
  searching.command->add_option("--engine", query.engine,
                                "nnunet_v1, nnunet_v2, totalsegmentator, nninteractive, other or unknown");
  searching.command->add_option("--source", query.source, "mhub or local");
  const Action showing = add_action(*hub, "show", "Everything that is known of a model", show);
  showing.command->add_option("model", showing.arguments->model, "Its name")->required();
  showing.command->add_option("--source", showing.arguments->query.source, "mhub or local, where both have it");
  add_hub_run(*hub);
  add_hub_jobs(*hub);
  add_hub_images(*hub);
  add_hub_work(*hub);
}

}  // namespace sagittal::commands
