#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "commands.h"
#include "hub/composed_task.h"
#include "hub/hub.h"
#include "hub/jobs/job_folder.h"
#include "hub/jobs/job_store.h"
#include "hub/local_models.h"
#include "hub/weights.h"
#include "job_text.h"
#include "model_lookup.h"
#include "model_runner.h"
#include "progress_bar.h"
#include "stop_on_signal.h"

namespace sagittal::commands {
namespace {

struct Arguments {
  std::string data_directory = default_data_directory().string();
  std::string name;
  bool follow = false;
  bool json = false;
};

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

void list(const Arguments& arguments) {
  hub::JobStore store(arguments.data_directory);
  store.recover();
  const auto jobs = store.list();
  if (!arguments.json) return print_jobs(jobs);
  Json all = Json::array();
  for (const hub::Job& job : jobs) all.push_back(hub::job_json(job));
  fmt::print("{}\n", dump({{"jobs", all}}));
}

/// Prints what the file holds from `from` on; answers where it ended.
std::streamoff print_from(const std::filesystem::path& file, std::streamoff from) {
  std::ifstream in(file, std::ios::binary);
  if (!in.seekg(from)) return from;
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  return from + static_cast<std::streamoff>(text.size());
}

void show_log(const Arguments& arguments) {
  const hub::JobStore store(arguments.data_directory);
  std::streamoff at = 0;
  while (true) {
    const hub::Job job = store.get(arguments.name);
    at = print_from(store.log_of(job.id), at);
    if (!arguments.follow || hub::has_ended(job.state)) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

void cancel(const Arguments& arguments) {
  hub::JobStore store(arguments.data_directory);
  store.cancel(arguments.name);
  const hub::Job job = store.get(arguments.name);
  if (arguments.json) {
    fmt::print("{}\n", dump(hub::job_json(job)));
  } else {
    fmt::print("{}\n", hub::has_ended(job.state) ? "cancelled" : "stopping");
  }
}

struct PullArguments {
  Arguments common;
  std::string backend;
};

/// The image of a model of MHub's list.
std::string image_of(const std::string& model, const std::string& data_directory) {
  hub::Hub models(catalogue_file(data_directory), model_directories(data_directory));
  const Json image = models.card(model, "mhub").at("image");
  if (!image.is_object()) throw Error(ErrorCode::unsupported, fmt::format("{} has no image to pull", model));
  return fmt::format("{}:{}", json_get<std::string>(image, "name", "the card"),
                     json_get<std::string>(image, "tag", "the card"));
}

void pull(const PullArguments& arguments) {
  const std::string& data = arguments.common.data_directory;
  const std::string image = image_of(arguments.common.name, data);
  const auto runner = runner_for(arguments.backend, image, data);
  const StopOnSignal stop;
  const std::string digest = [&] {
    ProgressBar bar;
    return runner->pin(image, {bar.sink(), stop.token()});
  }();
  if (arguments.common.json) {
    fmt::print("{}\n", dump({{"image", image}, {"digest", digest}, {"backend", runner->name()}}));
  } else {
    fmt::print("{} with {}: {}\n", image, runner->name(), digest);
  }
}

/// Of a model of MHub's list; nothing where no image of it was pulled without an engine.
std::optional<std::uint64_t> remove_image(const Arguments& arguments) {
  std::string image;
  try {
    image = image_of(arguments.name, arguments.data_directory);
  } catch (const Error&) {
    return std::nullopt;
  }
  const hub::ImageStore store = image_store(arguments.data_directory);
  const auto found = store.find(hub::parse_image_reference(image));
  if (!found)
    throw Error(ErrorCode::not_found, fmt::format("{} is not here; an engine's own copy goes with `docker "
                                                  "image rm {}` or `podman image rm {}`",
                                                  image, image, image));
  return store.remove(found->digest);
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
  throw Error(ErrorCode::not_found,
              fmt::format("there is neither a job nor a model {} in {}", arguments.name, arguments.data_directory));
}

std::uint64_t remove_named(const Arguments& arguments) {
  hub::JobStore store(arguments.data_directory);
  try {
    return store.remove(arguments.name);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
  }
  if (const auto bytes = remove_image(arguments)) return *bytes;
  std::uint64_t bytes = 0;
  for (const auto& folder : model_folders(arguments)) {
    bytes += hub::bytes_below(folder);
    std::error_code failure;
    std::filesystem::remove_all(folder, failure);
    if (failure) throw Error(ErrorCode::io, fmt::format("{}: {}", folder.string(), failure.message()));
  }
  return bytes;
}

void remove(const Arguments& arguments) {
  const std::uint64_t bytes = remove_named(arguments);
  if (arguments.json) {
    fmt::print("{}\n", dump({{"removed", arguments.name}, {"bytes", bytes}}));
  } else {
    fmt::print("{} removed, {} freed\n", arguments.name, size_text(bytes));
  }
}

CLI::App* add_action(CLI::App& hub, const char* name, const char* help, const std::shared_ptr<Arguments>& arguments,
                     void (*run)(const Arguments&)) {
  CLI::App* command = hub.add_subcommand(name, help);
  command->add_option("--data-dir", arguments->data_directory, "Where models and jobs are kept")->capture_default_str();
  command->callback([arguments, run] { run(*arguments); });
  return command;
}

}  // namespace

void add_hub_jobs(CLI::App& hub) {
  const auto listing = std::make_shared<Arguments>();
  add_action(hub, "jobs", "Runs of models: what waits, runs and is done", listing, list)
      ->add_flag("--json", listing->json, "One JSON object");
  const auto logs = std::make_shared<Arguments>();
  CLI::App* command = add_action(hub, "logs", "What a run has said", logs, show_log);
  command->add_option("job", logs->name, "Its id")->required();
  command->add_flag("--follow", logs->follow, "Until it has ended");
  const auto cancelling = std::make_shared<Arguments>();
  command = add_action(hub, "cancel", "Stop a run, with all that belongs to it", cancelling, cancel);
  command->add_option("job", cancelling->name, "Its id")->required();
  command->add_flag("--json", cancelling->json, "One JSON object");
  const auto pulling = std::make_shared<PullArguments>();
  command = hub.add_subcommand("pull", "Get the image of a model of MHub's list");
  command->add_option("model", pulling->common.name, "Its name")->required();
  command->add_option("--backend", pulling->backend, "Who gets it; default: the best that is here")
      ->check(CLI::IsMember({"docker", "podman", "apptainer", "bubblewrap", "runc"}));
  command->add_option("--data-dir", pulling->common.data_directory, "Where models are kept")->capture_default_str();
  command->add_flag("--json", pulling->common.json, "One JSON object");
  command->callback([pulling] { pull(*pulling); });
  const auto removing = std::make_shared<Arguments>();
  command = add_action(hub, "remove", "Remove an ended run with its files, or a model's weights", removing, remove);
  command->add_option("name", removing->name, "The run's id, or the model's name")->required();
  command->add_flag("--json", removing->json, "One JSON object");
}

}  // namespace sagittal::commands
