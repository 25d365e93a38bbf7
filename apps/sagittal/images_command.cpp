#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "commands.h"
#include "hub/composed_task.h"
#include "hub/hub.h"
#include "hub/jobs/job_folder.h"
#include "hub/jobs/job_store.h"
#include "hub/local_models.h"
#include "hub/runners/engine_images.h"
#include "hub/weights.h"
#include "model_images.h"
#include "model_lookup.h"
#include "model_runner.h"
#include "progress_bar.h"
#include "stop_on_signal.h"

namespace sagittal::commands {
namespace {

struct Arguments {
  std::string data_directory = default_data_directory().string();
  std::string name;
  std::string backend;
  bool json = false;
};

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// The image of a model of MHub's list; a name with a '/' is an image's own.
std::string image_of(const std::string& name, const std::string& data_directory) {
  if (name.find('/') != std::string::npos) return name;
  hub::Hub models(catalogue_file(data_directory), model_directories(data_directory));
  const Json image = models.card(name, "mhub").at("image");
  if (!image.is_object()) throw Error(ErrorCode::unsupported, fmt::format("{} has no image to pull", name));
  return fmt::format("{}:{}", json_get<std::string>(image, "name", "the card"),
                     json_get<std::string>(image, "tag", "the card"));
}

/// What a runner's own copy of an image takes on the disk; nothing where it has none, or does not say.
std::optional<std::uint64_t> bytes_here(const std::string& image, const hub::Runner& runner, const Arguments& arguments,
                                        const CancelToken& cancel) {
  const bool is_engine = runner.name() == "docker" || runner.name() == "podman";
  for (const HeldImage& held : find_images(image, arguments.data_directory, cancel).images) {
    if (held.holder == (is_engine ? runner.name() : "sagittal")) return held.bytes;
  }
  return std::nullopt;
}

Json json_of(const std::optional<std::uint64_t>& bytes) { return bytes ? Json(*bytes) : Json(); }

void pull(const Arguments& arguments) {
  const std::string image = image_of(arguments.name, arguments.data_directory);
  const auto runner = runner_for(arguments.backend, image, arguments.data_directory);
  const StopOnSignal stop;
  std::optional<std::uint64_t> fetched = 0;
  if (!bytes_here(image, *runner, arguments, stop.token())) fetched = bytes_to_fetch(image, {{}, stop.token()});
  if (fetched.value_or(0) > 0) fmt::print(stderr, "{}: {} to fetch\n", image, size_text(*fetched));
  const std::string digest = [&] {
    ProgressBar bar;
    return runner->pin(image, {bar.sink(), stop.token()});
  }();
  const auto bytes = bytes_here(image, *runner, arguments, stop.token());
  if (arguments.json) {
    fmt::print("{}\n", dump({{"image", image},
                             {"digest", digest},
                             {"backend", runner->name()},
                             {"download_bytes", json_of(fetched)},
                             {"bytes", json_of(bytes)}}));
    return;
  }
  fmt::print("{} with {}: {}\n", image, runner->name(), digest);
  if (bytes) fmt::print("{} on the disk\n", size_text(*bytes));
}

/// Empty for one that needs none.
std::string image_of_run(const hub::JobRequest& request, const std::string& data_directory) {
  if (!request.image.empty() || request.source == "local") return request.image;
  try {
    return image_of(request.model, data_directory);
  } catch (const Error&) {
    return "";
  }
}

/// Error(conflict) where an unfinished run needs that image.
void check_unused(const std::string& image, const Arguments& arguments, const hub::JobStore& jobs) {
  constexpr std::size_t all = 1'000'000;
  for (const hub::Job& job : jobs.list({}, all)) {
    if (hub::has_ended(job.state)) continue;
    const std::string needed = image_of_run(jobs.request_of(job.id), arguments.data_directory);
    if (!hub::is_called({.id = {}, .bytes = 0, .tags = {image}, .pinned = {}}, needed)) continue;
    throw Error(ErrorCode::conflict,
                fmt::format("run {} needs {}; `sagittal hub cancel {}` ends it, or wait", job.id, image, job.id));
  }
}

struct Removed {
  std::string from;
  std::uint64_t bytes = 0;
};

/// Of a model of MHub's list, from all who keep it; empty where nobody does, or where it is no such model.
std::vector<Removed> remove_images(const Arguments& arguments, const hub::JobStore& jobs) {
  std::string image;
  try {
    image = image_of(arguments.name, arguments.data_directory);
  } catch (const Error&) {
    return {};
  }
  const StopOnSignal stop;
  const HeldImages held = find_images(image, arguments.data_directory, stop.token());
  for (const std::string& silent : held.silent) fmt::print(stderr, "not looked at: {}\n", silent);
  if (!held.images.empty()) check_unused(image, arguments, jobs);
  std::vector<Removed> removed;
  for (const HeldImage& one : held.images) removed.push_back({one.holder, one.remove()});
  return removed;
}

/// The model folders in the data directory that a name stands for; those beside the program are not ours to remove.
std::vector<std::filesystem::path> model_folders(const Arguments& arguments) {
  std::vector<std::string> names{arguments.name};
  if (hub::composed_task(arguments.name) != nullptr) {
    for (const auto& part : hub::find_weights(arguments.name).archives) names.push_back(part.folder);
  }
  auto folders = hub::find_local_models({std::filesystem::path(arguments.data_directory) / "models"});
  std::erase_if(folders, [&](const auto& folder) {
    return std::find(names.begin(), names.end(), folder.filename().string()) == names.end();
  });
  if (!folders.empty()) return folders;
  throw Error(ErrorCode::not_found, fmt::format("there is neither a run nor a model {} in {}, nor its image here",
                                                arguments.name, arguments.data_directory));
}

std::vector<Removed> remove_named(const Arguments& arguments) {
  hub::JobStore store(arguments.data_directory);
  try {
    return {{"jobs", store.remove(arguments.name)}};
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
  }
  if (const auto removed = remove_images(arguments, store); !removed.empty()) return removed;
  std::uint64_t bytes = 0;
  for (const auto& folder : model_folders(arguments)) {
    bytes += hub::bytes_below(folder);
    std::error_code failure;
    std::filesystem::remove_all(folder, failure);
    if (failure) throw Error(ErrorCode::io, fmt::format("{}: {}", folder.string(), failure.message()));
  }
  return {{"models", bytes}};
}

void remove(const Arguments& arguments) {
  Json from = Json::array();
  std::uint64_t bytes = 0;
  for (const Removed& one : remove_named(arguments)) {
    from.push_back({{"from", one.from}, {"bytes", one.bytes}});
    bytes += one.bytes;
    const std::string freed =
        one.bytes > 0 ? fmt::format("{} freed", size_text(one.bytes)) : "nothing freed: it has other names";
    if (!arguments.json) fmt::print("{} removed from {}, {}\n", arguments.name, one.from, freed);
  }
  if (arguments.json) fmt::print("{}\n", dump({{"removed", arguments.name}, {"bytes", bytes}, {"from", from}}));
}

std::pair<CLI::App*, std::shared_ptr<Arguments>> add_action(CLI::App& hub, const char* name, const char* help,
                                                            void (*run)(const Arguments&)) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = hub.add_subcommand(name, help);
  command->add_option("--data-dir", arguments->data_directory, "Where models and jobs are kept")->capture_default_str();
  command->add_flag("--json", arguments->json, "One JSON object");
  command->callback([arguments, run] { run(*arguments); });
  return {command, arguments};
}

}  // namespace

void add_hub_images(CLI::App& hub) {
  const auto [pulling, pulled] =
      add_action(hub, "pull", "Get the image of a model of MHub's list, or another one", pull);
  pulling->add_option("model", pulled->name, "Its name, or an image's: registry/name:tag")->required();
  pulling->add_option("--backend", pulled->backend, "Who gets it; default: the best that is here")
      ->check(CLI::IsMember({"docker", "podman", "apptainer", "bubblewrap", "runc"}));
  const auto [removing, removed] =
      add_action(hub, "remove", "Remove an ended run with its files, or a model's weights or image", remove);
  removing->add_option("name", removed->name, "The run's id, the model's name, or an image's")->required();
}

}  // namespace sagittal::commands
