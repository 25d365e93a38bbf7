#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/machine.h"
#include "base/text.h"
#include "commands.h"
#include "hub/jobs/job_folder.h"
#include "hub/jobs/job_queue.h"
#include "hub/jobs/run_memory.h"
#include "job_text.h"
#include "model_lookup.h"
#include "model_work.h"
#include "progress_bar.h"
#include "stop_on_signal.h"

namespace sagittal::commands {
namespace {

struct Arguments {
  std::string data_directory = default_data_directory().string();
  std::string model;
  std::vector<std::string> inputs, roles;
  std::string series;
  std::string output;
  std::string accepted;
  hub::JobRequest request;
  double minutes = 120;
  bool detach = false;
  bool json = false;
};

/// Agrees to the licence: remembered, named on the command line, or by a word at a terminal.
void require_licence(const Arguments& arguments, const hub::Runnable& model, hub::RunMemory& memory) {
  const hub::LicenceTerms& terms = model.licence;
  if (!terms.needed() || memory.accepted(model.name, terms.text, "")) return;
  std::string accepted = arguments.accepted;
  const std::string shown =
      fmt::format("{}: {}{}", model.title, terms.text, terms.commercial_use == false ? "; not for commercial use" : "");
  if (accepted.empty() && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1) {
    fmt::print(stderr, "{}\nDo you accept it? Type yes: ", shown);
    std::string answer;
    std::getline(std::cin, answer);
    if (lower_case(answer) == "yes") accepted = terms.id;
  }
  if (accepted != terms.id)
    throw Error(ErrorCode::wrong_usage, fmt::format("{}. Accept that with --accept-licence {}", shown, terms.id));
  memory.accept(model.name, terms.id, terms.text, "");
}

hub::JobInput input_of(const std::string& role, const std::string& path, const std::string& series) {
  std::error_code failure;
  const auto whole = std::filesystem::canonical(path, failure);
  if (failure) throw Error(ErrorCode::not_found, fmt::format("{}: {}", path, failure.message()));
  return {role, whole, series};
}

std::vector<hub::JobInput> inputs_of(const Arguments& arguments) {
  std::vector<hub::JobInput> inputs;
  for (const std::string& path : arguments.inputs) inputs.push_back(input_of("", path, arguments.series));
  for (const std::string& role : arguments.roles) {
    const std::size_t equal = role.find('=');
    if (equal == std::string::npos || equal == 0)
      throw Error(ErrorCode::wrong_usage, fmt::format("--role {}: expected NAME=PATH, like ct=scans/ct", role));
    inputs.push_back(input_of(lower_case(role.substr(0, equal)), role.substr(equal + 1), ""));
  }
  if (inputs.empty()) throw Error(ErrorCode::wrong_usage, "name the scan: a file or a DICOM folder");
  return inputs;
}

/// Before anything runs: a result that cannot be put where it is wanted is lost time.
void check_output(const std::string& output) {
  std::error_code ignored;
  if (!std::filesystem::exists(output, ignored) || std::filesystem::is_empty(output, ignored)) return;
  throw Error(ErrorCode::conflict, fmt::format("{} is there already and not an empty folder", output));
}

/// Follows the job until its end. What the terminal shows is the queue's place, then the stage.
hub::Job wait_for_end(hub::JobStore& store, const std::string& id, const CancelToken& stop) {
  ProgressBar bar;
  const ProgressSink show = bar.sink();
  bool told = false;
  for (int looks = 0;; ++looks) {
    const hub::Job job = store.get(id);
    if (hub::has_ended(job.state)) return job;
    constexpr int patient = 5;  // nothing is waiting that begins at once
    if (job.place > 0 && looks >= patient) {
      show({fmt::format("waiting for memory and cores, place {}", job.place), 0});
    } else if (job.place == 0) {
      show({job.stage, job.fraction});
    }
    if (stop.cancelled() && !told) {
      told = true;
      store.cancel(id);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

void report(const Arguments& arguments, const hub::JobStore& store, const hub::Job& job) {
  if (job.state == hub::JobState::cancelled) throw Error(ErrorCode::cancelled, "stopped on request");
  if (job.error) {
    print_log_tail(store.log_of(job.id));
    throw Error(*job.error);
  }
  hub::copy_outputs(store.folder_of(job.id), arguments.output);
  if (arguments.json) {
    Json json = hub::job_json(job);
    json["record"] = store.record_of(job.id);
    json["output"] = arguments.output;
    fmt::print("{}\n", json.dump(-1, ' ', false, Json::error_handler_t::replace));
    return;
  }
  print_result(job, arguments.output);
}

void run_here(const Arguments& arguments, hub::JobStore& store, const std::string& id, const StopOnSignal& stop) {
  hub::QueueOptions options;
  const PlacedWork work(arguments.data_directory, false, options.leaving);
  options.capacity = {inspect_machine().memory_limit_bytes, static_cast<double>(available_cores()), 64};
  options.only = id;
  options.tick = std::chrono::milliseconds(100);
  hub::JobQueue queue(store, work, options);
  const hub::Job job = wait_for_end(store, id, stop.token());
  queue.stop();
  report(arguments, store, job);
}

void run(const Arguments& arguments) {
  const StopOnSignal stop;
  if (arguments.output.empty() && !arguments.detach)
    throw Error(ErrorCode::wrong_usage, "say where the results go: -o FOLDER");
  if (!arguments.detach) check_output(arguments.output);
  const hub::Runnable model = find_runnable(arguments.model, arguments.request.source, arguments.data_directory);
  hub::JobStore::Submission submission;
  submission.request = arguments.request;
  submission.request.model = model.name;
  submission.request.source = model.source;
  submission.request.inputs = inputs_of(arguments);
  submission.request.limits.time = std::chrono::milliseconds(static_cast<std::int64_t>(arguments.minutes * 60'000));
  submission.title = model.title;
  submission.for_me = !arguments.detach;
  hub::RunMemory memory(arguments.data_directory);
  require_licence(arguments, model, memory);
  hub::JobStore store(arguments.data_directory);
  const hub::Job job = store.submit(submission);
  if (!arguments.detach) return run_here(arguments, store, job.id, stop);
  if (arguments.json) {
    fmt::print("{}\n", hub::job_json(job).dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    fmt::print("{}\n", job.id);
  }
  if (!store.somebody_serves())
    fmt::print(stderr, "it waits for a server on this data folder: `sagittal serve --data-dir {}`\n",
               arguments.data_directory);
}

}  // namespace

void add_hub_run(CLI::App& hub) {
  const auto arguments = std::make_shared<Arguments>();
  hub::JobRequest& request = arguments->request;
  request.limits = default_limits();
  CLI::App* command = hub.add_subcommand("run", "Run a model on a scan and get named segments");
  command->add_option("model", arguments->model, "Its name, or a folder with an nnU-Net model")->required();
  command->add_option("input", arguments->inputs, "The scan: a file, a DICOM folder; several for several channels");
  command->add_option("-o,--output", arguments->output, "Folder for the results; it is made, whole or not at all");
  command->add_option("--role", arguments->roles, "An input by its role, like ct=scans/ct")->allow_extra_args(false);
  command->add_option("--series", arguments->series, "Series instance UID, where a folder holds several");
  command->add_option("--source", request.source, "mhub or local, where both have the model");
  command->add_option("--workflow", request.workflow, "Another than the default, as `hub show` lists them");
  command->add_option("--on", request.on, "Where: local or slurm")
      ->capture_default_str()
      ->check(CLI::IsMember({"local", "slurm"}));
  command->add_option("--backend", request.backend, "What runs it; default: the best that is here")
      ->check(CLI::IsMember(hub::backends()));
  command->add_option("--image", request.image, "Another image, or the folder of an unpacked one");
  command->add_option("--gpu", request.gpus, "Number of a GPU that it may use")->allow_extra_args(false);
  command->add_option("--memory", request.limits.memory_bytes, "At most, such as 16GiB")
      ->transform(CLI::AsSizeValue(false));
  command->add_option("--cpus", request.limits.cpus, "At most")->default_str("all")->check(CLI::Range(0.01, 4096.0));
  command->add_option("--time", arguments->minutes, "Minutes, at most")
      ->capture_default_str()
      ->check(CLI::Range(0.02, 525'600.0));
  command->add_option("--accept-licence,--accept-license", arguments->accepted,
                      "The licence that you accept, by its name");
  command->add_flag("--detach", arguments->detach, "Print the job's id and leave it to a server on the data folder");
  command->add_option("--data-dir", arguments->data_directory, "Where models and jobs are kept")->capture_default_str();
  command->add_flag("--json", arguments->json, "One JSON object");
  command->callback([arguments] { run(*arguments); });
}

}  // namespace sagittal::commands
