#include "hub/jobs/backend.h"

#include <array>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "hub/runners/bubblewrap.h"
#include "hub/runners/container_runner.h"
#include "hub/runners/process.h"

namespace sagittal::hub {
namespace {

constexpr std::array kEngines{Engine::docker, Engine::podman, Engine::apptainer};

/// Error(unavailable) where the engine is absent or does not answer.
std::unique_ptr<Runner> engine(Engine engine) {
  const auto program = find_program(std::string(name_of(engine)));
  if (!program) throw Error(ErrorCode::unavailable, fmt::format("{} is not installed", name_of(engine)));
  auto runner = std::make_unique<ContainerRunner>(engine, *program);
  runner->version();
  return runner;
}

std::unique_ptr<Runner> bubblewrap() {
  const auto program = find_program("bwrap");
  if (!program)
    throw Error(ErrorCode::unavailable, "bubblewrap is not installed: `apt-get install bubblewrap`, or its like");
  return std::make_unique<BubblewrapRunner>(*program);
}

bool is_folder(const std::string& image) {
  std::error_code ignored;
  return std::filesystem::is_directory(image, ignored);
}

std::unique_ptr<Runner> best_engine() {
  std::string silent;
  for (const Engine each : kEngines) {
    if (!find_program(std::string(name_of(each)))) continue;
    try {
      return engine(each);
    } catch (const Error& error) {
      silent += fmt::format("{}{}", silent.empty() ? "" : "; ", error.what());
    }
  }
  if (silent.empty())
    throw Error(ErrorCode::unavailable,
                "no container engine is here: `apt-get install podman` brings one that needs no root");
  throw Error(ErrorCode::unavailable,
              fmt::format("no container engine answers: {}; `sagittal doctor` says how to mend it", silent));
}

}  // namespace

std::unique_ptr<Runner> choose_runner(const std::string& requested, const std::string& image) {
  const bool folder = is_folder(image);
  if (requested.empty()) return folder ? bubblewrap() : best_engine();
  if (requested == "bubblewrap") {
    if (folder) return bubblewrap();
    throw Error(ErrorCode::wrong_usage, "bubblewrap runs an unpacked image: name its folder with --image");
  }
  for (const Engine each : kEngines) {
    if (requested != name_of(each)) continue;
    if (!folder) return engine(each);
    throw Error(ErrorCode::wrong_usage,
                fmt::format("{} runs images, not folders: leave --backend out for a folder", requested));
  }
  throw Error(ErrorCode::unsupported, fmt::format("{} does not run images of containers", requested));
}

}  // namespace sagittal::hub
