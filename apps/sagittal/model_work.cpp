#include "model_work.h"

#include <unistd.h>

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "base/error.h"
#include "base/machine.h"
#include "hub/card_json.h"
#include "hub/hub.h"
#include "hub/jobs/run_memory.h"
#include "hub/local_models.h"
#include "hub/mhub_work.h"
#include "hub/native_work.h"
#include "model_lookup.h"
#include "model_runner.h"
#include "nn/device/devices.h"

namespace sagittal {
namespace {

std::vector<std::string> work_command(const std::filesystem::path& data_directory) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").string();
  return {program, "hub", "work", "--relay", "--data-dir", std::filesystem::absolute(data_directory).string()};
}

std::vector<std::string> here_arguments(bool background, const nn::DeviceChoice& device) {
  std::vector<std::string> arguments{"--parent", fmt::format("{}", ::getpid()), "--device", device.text()};
  if (background) arguments.push_back("--background");
  return arguments;
}

std::vector<std::string> with(std::vector<std::string> command, const std::vector<std::string>& more) {
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

}  // namespace

hub::WorkReport ModelWork::run(const hub::JobRequest& request, const std::filesystem::path& folder, hub::RunLog& log,
                               const RunControl& control) const {
  const bool native = request.backend.empty() || request.backend == "native";
  if (request.source == "local" && !native)
    throw Error(ErrorCode::wrong_usage,
                fmt::format("{} is a model of this machine, which only --backend native runs", request.model));
  if (request.source != "local") return run_mhub(request, folder, log, control);
  const auto find = [this](const std::string& name) { return find_model_or_parent(name, data_directory_); };
  const auto note = [&log](LogLevel, std::string_view line) { log.add(line); };
  const auto devices = std::make_shared<const nn::Devices>(device_, note);
  return hub::NativeWork(find, 0, expect_, devices).run(request, folder, log, control);
}

hub::WorkReport ModelWork::run_mhub(const hub::JobRequest& request, const std::filesystem::path& folder,
                                    hub::RunLog& log, const RunControl& control) const {
  if (request.backend == "native")
    throw Error(ErrorCode::unsupported, fmt::format("{} comes as a container, which Sagittal's own engine cannot run; "
                                                    "leave --backend out",
                                                    request.model));
  hub::Hub models(catalogue_file(data_directory_), model_directories(data_directory_));
  const hub::MHubModel model = hub::find_mhub_model(models, request, control);
  const std::shared_ptr<const hub::Runner> runner = runner_for(request.backend, model.image, data_directory_);
  log.add(fmt::format("{} with {}", model.image, runner->name()));
  hub::RunMemory memory(data_directory_);
  hub::Hardening hardening = hub::Hardening::read_only;
  const auto run = [&](const std::function<hub::Hardening(const std::string&)>& choose) {
    std::string image;
    const auto remember = [&](const std::string& pinned) {
      image = pinned;
      return hardening = choose(pinned);
    };
    const hub::MHubWork work(model, runner, {.our_version = SAGITTAL_VERSION, .hardening = remember});
    hub::WorkReport report = work.run(request, folder, log, control);
    memory.learn(image, hardening);
    if (hardening == hub::Hardening::writable_layer)
      report.notes.push_back("this model writes into its own image, so it ran with a copy of it that is thrown away");
    return report;
  };
  try {
    return run([&](const std::string& image) { return memory.hardening(image).value_or(hub::Hardening::read_only); });
  } catch (const Error& error) {
    const bool has_layers = runner->name() == "docker" || runner->name() == "podman" || runner->name() == "apptainer";
    if (hardening == hub::Hardening::writable_layer || !has_layers || error.code() != ErrorCode::unsupported ||
        !hub::speaks_of_read_only_files(error.what()))
      throw;
    log.add("it cannot write into its image; once more, with a copy of it that is thrown away");
  }
  return run([](const std::string&) { return hub::Hardening::writable_layer; });
}

PlacedWork::PlacedWork(const std::filesystem::path& data_directory, bool background, const CancelToken& leaving,
                       const nn::DeviceChoice& device)
    : here_(with(work_command(data_directory), here_arguments(background, device))),
      cluster_(work_command(data_directory), leaving) {}

hub::WorkReport PlacedWork::run(const hub::JobRequest& request, const std::filesystem::path& folder, hub::RunLog& log,
                                const RunControl& control) const {
  return request.on == "slurm" ? cluster_.run(request, folder, log, control) : here_.run(request, folder, log, control);
}

hub::Runnable find_runnable(const std::string& name_or_path, const std::string& source,
                            const std::filesystem::path& data_directory) {
  const bool is_path = name_or_path.find('/') != std::string::npos || name_or_path == "." || name_or_path == "..";
  if (!is_path) {
    hub::Hub models(catalogue_file(data_directory), model_directories(data_directory));
    return hub::runnable_of(models.card(name_or_path, source));
  }
  const auto folder = find_model_or_parent(name_or_path, data_directory);
  hub::Runnable model =
      hub::runnable_of(hub::card_json(hub::read_local_card(folder, model_top(folder, data_directory))));
  model.name = folder.string();
  return model;
}

hub::Limits default_limits() {
  hub::Limits limits;
  limits.memory_bytes = std::min(limits.memory_bytes, inspect_machine().memory_limit_bytes);
  limits.cpus = available_cores();
  return limits;
}

}  // namespace sagittal
