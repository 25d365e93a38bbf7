#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "base/json.h"
#include "commands.h"
#include "hub/jobs/job_folder.h"
#include "hub/jobs/job_store.h"
#include "job_text.h"
#include "model_lookup.h"

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
}

}  // namespace sagittal::commands
