#include "hub/image/registry_login.h"

#include <cstdlib>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
constexpr std::string_view kFile = "the file with the registries' passwords";

/// "ghcr.io" of "https://ghcr.io/v1/"; Docker Hub has several names.
std::string host_of(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  const std::string host(key.substr(0, key.find('/')));
  return host == "index.docker.io" || host == "registry-1.docker.io" ? "docker.io" : host;
}

/// A key that is one registry as a whole; "ghcr.io/somebody" is a part of one, and not for its other parts.
bool is_whole(std::string_view key) {
  if (key.find("://") != std::string_view::npos) return true;
  return key.find('/') == std::string_view::npos;
}

}  // namespace

std::filesystem::path registry_login_file() {
  const auto variable = [](const char* name) -> std::filesystem::path {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (const auto file = variable("REGISTRY_AUTH_FILE"); !file.empty()) return file;
  if (const auto folder = variable("DOCKER_CONFIG"); !folder.empty()) return folder / "config.json";
  const auto home = variable("HOME");
  return home.empty() ? home : home / ".docker" / "config.json";
}

std::optional<net::HttpKey> parse_registry_login(std::string_view text, std::string_view registry) {
  const Json json = parse_json(text, kFile);
  const Json logins = json_get_or<Json>(json, "auths", kFile, Json::object());
  if (!logins.is_object()) throw Error(ErrorCode::bad_input, fmt::format("{}: \"auths\" is no object", kFile));
  const std::string wanted = host_of(registry);
  for (const auto& [key, login] : logins.items()) {
    if (!is_whole(key) || host_of(key) != wanted || !login.is_object()) continue;
    const auto packed = json_get_or<std::string>(login, "auth", kFile, "");
    if (packed.empty()) continue;  // a program keeps it
    const Bytes plain = decode_base64(packed, kFile);
    net::HttpKey found = net::parse_http_key(as_text(plain));
    if (found.user.empty()) throw Error(ErrorCode::bad_input, fmt::format("{}: \"auth\" is no user:password", kFile));
    return found;
  }
  return std::nullopt;
}

std::optional<net::HttpKey> read_registry_login(const std::filesystem::path& file, std::string_view registry) {
  std::error_code none;
  if (file.empty() || !std::filesystem::exists(file, none)) return std::nullopt;
  try {
    const Bytes text = read_file(file, kMaxFileBytes);
    return parse_registry_login(as_text(text), registry);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", file.string(), error.what()));
  }
}

}  // namespace sagittal::hub
