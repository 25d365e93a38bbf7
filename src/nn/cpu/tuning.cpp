#include "nn/cpu/tuning.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>
#include <oneapi/dnnl/dnnl.hpp>

#include "base/bytes.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/json.h"
#include "base/machine.h"

namespace sagittal::nn::cpu {
namespace {

constexpr std::size_t kMaxFileBytes = 1 << 20;
constexpr std::size_t kMaxAnswers = 4096;

/// What answers are good for; the last number changes with our kernels.
std::string this_machine() {
  const dnnl_version_t* version = dnnl_version();
  return fmt::format("{}, oneDNN {}.{}.{} with {:#x}, kernels 2", inspect_machine().cpu_model, version->major,
                     version->minor, version->patch, static_cast<unsigned>(dnnl::get_effective_cpu_isa()));
}

/// Holds a file's lock, where it can be had.
Descriptor lock(const std::filesystem::path& file) {
  std::error_code ignored;
  std::filesystem::create_directories(file.parent_path(), ignored);
  const std::string name = file.string() + ".lock";
  Descriptor held(::open(name.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644));
  if (held) ::flock(held.fd, LOCK_EX);
  return held;
}

std::optional<std::size_t> named(std::span<const Way> ways, const std::string& name) {
  const auto found = std::find_if(ways.begin(), ways.end(), [&](const Way& way) { return way.name == name; });
  if (found == ways.end()) return std::nullopt;
  return static_cast<std::size_t>(found - ways.begin());
}

}  // namespace

std::filesystem::path tuning_file() {
  const auto value = [](const char* name) {
    return std::string(std::getenv(name) == nullptr ? "" : std::getenv(name));
  };
  constexpr const char* file = "fastest.json";
  // systemd separates several by colons.
  if (const std::string folder = value("CACHE_DIRECTORY"); !folder.empty()) {
    return std::filesystem::path(folder.substr(0, folder.find(':'))) / file;
  }
  if (const std::string folder = value("XDG_CACHE_HOME"); !folder.empty()) {
    return std::filesystem::path(folder) / "sagittal" / file;
  }
  const std::string home = value("HOME");
  return home.empty() ? std::filesystem::path() : std::filesystem::path(home) / ".cache" / "sagittal" / file;
}

Tuning::Tuning(std::filesystem::path file) : file_(std::move(file)) { load(); }

void Tuning::load() {
  if (file_.empty() || !std::filesystem::exists(file_)) return;
  try {
    const Bytes text = read_file(file_, kMaxFileBytes);
    const Json json = parse_json(as_text(text), file_.string());
    if (json_get<std::string>(json, "machine", "tuning") != this_machine()) return;
    for (const auto& [question, answer] : json.at("fastest").items()) {
      if (answers_.size() < kMaxAnswers) answers_.insert_or_assign(question, answer.get<std::string>());
    }
  } catch (const std::exception&) {
    answers_.clear();
  }
}

void Tuning::save() const {
  try {
    const std::string text = Json{{"machine", this_machine()}, {"fastest", answers_}}.dump(1) + '\n';
    write_file_atomically(file_, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch): a folder that cannot be written costs time, no more
  }
}

std::size_t Tuning::choose(const std::string& question, std::span<const Way> ways) {
  if (ways.size() == 1) return 0;
  const std::lock_guard guard(mutex_);
  const auto remembered = [&]() -> std::optional<std::size_t> {
    const auto found = answers_.find(question);
    return found == answers_.end() ? std::nullopt : named(ways, found->second);
  };
  if (const auto known = remembered()) return *known;
  std::optional<Descriptor> held;
  if (!file_.empty()) {
    held.emplace(lock(file_));
    load();
    if (const auto known = remembered()) return *known;
  }
  std::vector<double> seconds;
  for (const Way& way : ways) seconds.push_back(way.measure());
  const auto best = static_cast<std::size_t>(std::min_element(seconds.begin(), seconds.end()) - seconds.begin());
  if (answers_.size() < kMaxAnswers) answers_.insert_or_assign(question, ways[best].name);
  if (!file_.empty()) save();
  return best;
}

}  // namespace sagittal::nn::cpu
