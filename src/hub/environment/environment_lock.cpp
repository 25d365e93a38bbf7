#include "hub/environment/environment_lock.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <fstream>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "hub/toml.h"
#include "net/sha256.h"

namespace sagittal::hub {
namespace {

constexpr std::uintmax_t kMaxBytes = std::uintmax_t{32} << 20;
constexpr std::size_t kMaxPackages = 5000;
constexpr std::string_view kBlank = " \t\r";

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorCode::bad_input, "a locked environment: " + why); }

/// "sha256:…", "sha384:…" or "sha512:…" in full.
bool is_hash(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::size_t>, 3> kKinds{
      {{"sha256:", 64}, {"sha384:", 96}, {"sha512:", 128}}};
  for (const auto& [prefix, digits] : kKinds) {
    if (!text.starts_with(prefix)) continue;
    text.remove_prefix(prefix.size());
    return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  }
  return false;
}

bool is_web_address(std::string_view text) { return text.starts_with("https://") || text.starts_with("http://"); }

/// A file of a package, as uv.lock has it.
void check_artifact(const Json& file, const std::string& package) {
  const std::string what = "package " + package;
  if (!file.is_object() || !is_hash(json_get_or<std::string>(file, "hash", what, ""))) {
    refuse(fmt::format("{} has a file without a SHA-256 hash; lock it again with an index that gives hashes", package));
  }
  if (file.contains("path") || !is_web_address(json_get_or<std::string>(file, "url", what, "https://"))) {
    refuse(fmt::format("a file of {} comes from no web server", package));
  }
}

void check_package(const Json& package, bool builds) {
  const std::string name = json_get<std::string>(package, "name", "a package of uv.lock");
  const std::string what = "package " + name;
  const Json source = json_get<Json>(package, "source", what);
  if (!source.is_object()) throw_json_type(package, "source", what);
  for (const char* own : {"virtual", "editable"}) {
    if (json_get_or<std::string>(source, own, what, "") == ".") return;  // the model itself, which is not installed
  }
  if (!is_web_address(json_get_or<std::string>(source, "registry", what, "")) &&
      !is_web_address(json_get_or<std::string>(source, "url", what, ""))) {
    refuse(fmt::format("{} comes from git or a folder, which no hash pins; lock a published version", name));
  }
  const Json wheels = json_get_or<Json>(package, "wheels", what, Json::array());
  if (!wheels.is_array()) throw_json_type(package, "wheels", what);
  for (const Json& wheel : wheels) check_artifact(wheel, name);
  if (const auto built = package.find("sdist"); built != package.end()) {
    check_artifact(*built, name);
  } else if (wheels.empty()) {
    refuse(fmt::format("{} has no file", name));
  }
  if (wheels.empty() && !builds) {
    refuse(fmt::format("{} has no wheel: its installation would run its own code, which is not allowed here", name));
  }
}

/// The next line, joined with those that it goes on in, without a comment and blanks around.
std::string next_line(std::string_view& text) {
  std::string line;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view part = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t last = part.find_last_not_of(kBlank);
    part = part.substr(0, last == std::string_view::npos ? 0 : last + 1);
    const bool goes_on = part.ends_with('\\');
    line += goes_on ? part.substr(0, part.size() - 1) : part;
    if (!goes_on) break;
  }
  for (std::size_t at = line.find('#'); at != std::string::npos; at = line.find('#', at + 1)) {
    if (at == 0 || kBlank.find(line[at - 1]) != std::string_view::npos) line.resize(at);
  }
  const std::size_t first = std::min(line.find_first_not_of(kBlank), line.size());
  const std::size_t last = line.find_last_not_of(kBlank);
  return last == std::string::npos ? "" : line.substr(first, last + 1 - first);
}

void check_option(const std::string& line) {
  const std::size_t end = line.find_first_of(" =");
  const std::string name = line.substr(0, end);
  const std::string value =
      line.substr(std::min(line.find_first_not_of(" =", std::min(end, line.size())), line.size()));
  const bool of_place = name == "-i" || name == "--index-url" || name == "--extra-index-url" || name == "--find-links";
  if (name == "--only-binary" || (of_place && is_web_address(value))) return;
  refuse(fmt::format("requirements.txt has the option {}, which is not followed here", name.substr(0, 80)));
}

void check_requirement(const std::string& line) {
  constexpr std::string_view kOption = "--hash";
  const std::size_t options = line.find(" --");
  const std::string_view package = std::string_view(line).substr(0, options);
  const std::string name(package.substr(0, 80));
  if (package.find("==") == std::string_view::npos || package.find_first_of("@/\\") != std::string_view::npos) {
    refuse(fmt::format("{} is not pinned to one published version by ==", name));
  }
  bool hashed = false;
  std::string_view rest = options == std::string::npos ? "" : std::string_view(line).substr(options);
  while (!(rest.remove_prefix(std::min(rest.find_first_not_of(kBlank), rest.size())), rest.empty())) {
    if (!rest.starts_with(kOption)) refuse(fmt::format("{} has options other than --hash", name));
    rest.remove_prefix(kOption.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(" ="), rest.size()));
    const std::string_view hash = rest.substr(0, rest.find_first_of(kBlank));
    if (!is_hash(hash)) refuse(fmt::format("{} has a hash that is none of SHA-2", name));
    rest.remove_prefix(hash.size());
    hashed = true;
  }
  if (!hashed) {
    refuse(fmt::format("{} has no hash; make the file with `uv export --frozen` or `uv pip compile --generate-hashes`",
                       name));
  }
}

/// Nothing where it is no plain file.
std::string text_of(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path)) return {};
  if (std::filesystem::file_size(path) > kMaxBytes) {
    throw Error(ErrorCode::too_large, fmt::format("{}: larger than {}", path.string(), size_text(kMaxBytes)));
  }
  std::ifstream stream(path, std::ios::binary);
  std::string text(std::filesystem::file_size(path), '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!stream) throw Error(ErrorCode::io, fmt::format("{}: cannot be read", path.string()));
  return text;
}

/// What an environment that is good for one machine may not be good for on another.
std::string machine() {
  utsname names{};
  ::uname(&names);
  std::error_code none;
  return fmt::format("{} {}", names.machine, std::filesystem::read_symlink("/usr/bin/python3", none).string());
}

}  // namespace

void check_uv_lock(std::string_view text, bool builds) {
  const Json lock = parse_toml(text, "uv.lock");
  if (json_get<int>(lock, "version", "uv.lock") != 1) refuse("uv.lock has a version other than 1");
  const Json packages = json_get_or<Json>(lock, "package", "uv.lock", Json::array());
  if (!packages.is_array() || packages.size() > kMaxPackages) refuse("uv.lock has no list of up to 5000 packages");
  for (const Json& package : packages) {
    if (!package.is_object()) refuse("uv.lock has a package that is none");
    check_package(package, builds);
  }
}

void check_requirements(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    const std::string line = next_line(text);
    if (line.empty()) continue;
    if (std::any_of(line.begin(), line.end(),
                    [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; })) {
      refuse("requirements.txt holds control characters");
    }
    if (line[0] == '-') {
      check_option(line);
    } else {
      check_requirement(line);
      if (++count > kMaxPackages) refuse("requirements.txt has more than 5000 packages");
    }
  }
}

EnvironmentLock read_environment_lock(const std::filesystem::path& folder, bool builds) {
  EnvironmentLock lock;
  const auto add = [&](const char* name) {
    std::string text = text_of(folder / name);
    if (!text.empty()) lock.files.push_back({name, std::move(text)});
    return !lock.files.empty() && lock.files.back().name == name;
  };
  if (add("uv.lock")) {
    check_uv_lock(lock.files.back().text, builds);
    if (!add("pyproject.toml")) refuse(fmt::format("{} has a uv.lock without its pyproject.toml", folder.string()));
  } else if (add("requirements.txt")) {
    lock.kind = EnvironmentLock::Kind::requirements;
    check_requirements(lock.files.back().text);
  } else {
    throw Error(ErrorCode::not_found,
                fmt::format("{}: neither uv.lock nor requirements.txt is there", folder.string()));
  }
  add(".python-version");
  std::string all = fmt::format("1 {} {}\n", machine(), builds);
  for (const EnvironmentLock::File& file : lock.files) {
    all += fmt::format("{} {}\n", file.name, file.text.size()) + file.text;
  }
  lock.key = net::sha256_hex(as_bytes(all));
  return lock;
}

}  // namespace sagittal::hub
