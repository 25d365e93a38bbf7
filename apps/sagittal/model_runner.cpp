#include "model_runner.h"

#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "hub/environment/environment_runner.h"
#include "hub/image/registry_login.h"
#include "hub/image/unpacked_image_runner.h"
#include "hub/jobs/backend.h"
#include "hub/runners/bubblewrap.h"
#include "hub/runners/process.h"
#include "hub/runners/runc_runner.h"

namespace sagittal {
namespace {

std::filesystem::path program(const std::string& name, const char* package) {
  if (const auto found = hub::find_program(name)) return *found;
  throw Error(ErrorCode::unavailable,
              fmt::format("{} is not installed: `apt-get install {}`, or its like", name, package));
}

bool has_engine() {
  for (const char* name : {"docker", "podman", "apptainer"}) {
    if (hub::find_program(name)) return true;
  }
  return false;
}

}  // namespace

hub::ImageStore image_store(const std::filesystem::path& data_directory) {
  return hub::ImageStore(std::filesystem::absolute(data_directory) / "images", {}, hub::registry_login_file());
}

std::unique_ptr<hub::Runner> runner_for(const std::string& backend, const std::string& image,
                                        const std::filesystem::path& data_directory) {
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(image, ignored);
  const auto unpacked = [&](std::unique_ptr<hub::Runner> inner) {
    return std::make_unique<hub::UnpackedImageRunner>(std::move(inner), image_store(data_directory));
  };
  const auto whole = std::filesystem::absolute(data_directory);
  if (backend == "environment") {
    return std::make_unique<hub::EnvironmentRunner>(hub::EnvironmentRunner::Options{
        .bubblewrap = program("bwrap", "bubblewrap"), .uv = hub::find_program("uv"), .cache = whole / "environments"});
  }
  if (backend == "runc") return unpacked(std::make_unique<hub::RuncRunner>(program("runc", "runc"), whole / "runc"));
  const bool no_engine = backend.empty() && !folder && !has_engine() && hub::find_program("bwrap");
  if ((backend == "bubblewrap" && !folder) || no_engine)
    return unpacked(std::make_unique<hub::BubblewrapRunner>(program("bwrap", "bubblewrap")));
  return hub::choose_runner(backend, image);
}

}  // namespace sagittal
