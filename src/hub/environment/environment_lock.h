#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sagittal::hub {

/// The files of a model's folder that say what its Python environment holds, read once, so that what was checked is
/// what is installed.
struct EnvironmentLock {
  enum class Kind { uv, requirements };
  struct File {
    std::string name;
    std::string text;
  };
  Kind kind = Kind::uv;
  std::vector<File> files = {};
  std::string key = {};  ///< 64 hexadecimal digits: SHA-256 over the files, the processor and this system's Python
};

/// Reads `folder`: "uv.lock" with "pyproject.toml", else "requirements.txt"; ".python-version" too. `builds`: packages
/// without wheels may be built. Error(not_found) where neither is there, Error(too_large) above 32 MiB,
/// Error(bad_input) as the two functions below say.
EnvironmentLock read_environment_lock(const std::filesystem::path& folder, bool builds);

/// Error(bad_input) for a uv.lock that is none, or with a package whose files have no SHA-2 hash, that comes from
/// elsewhere than a web server (git, another folder), or that has no wheel though nothing may be built.
void check_uv_lock(std::string_view text, bool builds);

/// Error(bad_input) for a requirement without "==" and a SHA-2 hash, for one that is an address or a folder, and for
/// options that read other files.
void check_requirements(std::string_view text);

}  // namespace sagittal::hub
