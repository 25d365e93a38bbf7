#include "hub/image/image_manifest.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "base/error.h"
#include "hub/image/image_reference.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kMaxLayers = 500;
constexpr std::size_t kMaxPlatforms = 200;
constexpr std::size_t kMaxWords = 1000;
constexpr std::uint64_t kMaxBlobBytes = std::uint64_t{64} << 30;
constexpr std::string_view kManifest = "the image's manifest";
constexpr std::string_view kConfig = "the image's configuration";

[[noreturn]] void refuse(ErrorCode code, std::string_view where, std::string_view why) {
  throw Error(code, fmt::format("{}: {}", where, why));
}

std::string digest_of(const Json& json) {
  auto digest = json_get<std::string>(json, "digest", kManifest);
  if (!is_image_digest(digest)) refuse(ErrorCode::bad_input, kManifest, "a digest is no SHA-256");
  return digest;
}

Blob read_blob(const Json& json) {
  Blob blob{.digest = digest_of(json), .bytes = json_get<std::uint64_t>(json, "size", kManifest)};
  if (blob.bytes > kMaxBlobBytes) refuse(ErrorCode::too_large, kManifest, "a layer has more than 64 GiB");
  return blob;
}

/// The registry keeps no such layer: its maker does.
bool is_foreign(const Json& layer) {
  const auto type = json_get_or<std::string>(layer, "mediaType", kManifest, "");
  return type.find("foreign") != std::string::npos || type.find("nondistributable") != std::string::npos;
}

std::string choose_platform(const Json& list, std::string_view architecture) {
  if (!list.is_array() || list.size() > kMaxPlatforms) refuse(ErrorCode::bad_input, kManifest, "\"manifests\" is odd");
  for (const Json& one : list) {
    if (!one.is_object() || !one.contains("platform")) continue;
    const Json& platform = one.at("platform");
    const bool fits = json_get_or<std::string>(platform, "os", kManifest, "") == "linux" &&
                      json_get_or<std::string>(platform, "architecture", kManifest, "") == architecture;
    if (fits) return digest_of(one);
  }
  refuse(ErrorCode::unsupported, kManifest, fmt::format("there is none for Linux on {}", architecture));
}

/// A list of texts, which may be null.
std::vector<std::string> words(const Json& json, const char* key) {
  auto list = json_get_or<std::vector<std::string>>(json, key, kConfig, {});
  const bool broken = std::any_of(list.begin(), list.end(),
                                  [](const std::string& word) { return word.find('\0') != std::string::npos; });
  if (list.size() > kMaxWords || broken) refuse(ErrorCode::bad_input, kConfig, fmt::format("\"{}\" is odd", key));
  return list;
}

std::vector<std::string> variables(const Json& json, const char* key) {
  auto list = words(json, key);
  std::erase_if(list, [](const std::string& one) { return one.find('=') == std::string::npos || one.front() == '='; });
  return list;
}

}  // namespace

std::uint64_t ImageManifest::bytes() const {
  return std::accumulate(layers.begin(), layers.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Blob& layer) { return sum + layer.bytes; });
}

ManifestOrDigest parse_image_manifest(std::string_view text, std::string_view architecture) {
  const Json json = parse_json(text, kManifest);
  if (json_get<std::uint64_t>(json, "schemaVersion", kManifest) != 2) {
    refuse(ErrorCode::unsupported, kManifest, "its schema is not version 2");
  }
  if (json.contains("manifests")) return {std::nullopt, choose_platform(json.at("manifests"), architecture)};
  ImageManifest manifest;
  manifest.config = read_blob(json_get<Json>(json, "config", kManifest));
  const auto layers = json_get<Json>(json, "layers", kManifest);
  if (!layers.is_array()) refuse(ErrorCode::bad_input, kManifest, "\"layers\" is no list");
  if (layers.size() > kMaxLayers) refuse(ErrorCode::too_large, kManifest, "it has more than 500 layers");
  for (const Json& layer : layers) {
    if (is_foreign(layer)) refuse(ErrorCode::unsupported, kManifest, "a layer is not kept in the registry");
    manifest.layers.push_back(read_blob(layer));
  }
  return {manifest, ""};
}

ImageConfig parse_image_config(std::string_view text) {
  const Json json = parse_json(text, kConfig);
  const auto config = json_get_or<Json>(json, "config", kConfig, Json::object());
  return {.entry_point = words(config, "Entrypoint"),
          .command = words(config, "Cmd"),
          .environment = variables(config, "Env"),
          .folder = json_get_or<std::string>(config, "WorkingDir", kConfig, "")};
}

Json to_json(const ImageConfig& config) {
  return {{"Entrypoint", config.entry_point},
          {"Cmd", config.command},
          {"Env", config.environment},
          {"WorkingDir", config.folder}};
}

ImageConfig image_config_from(const Json& json) { return parse_image_config(Json{{"config", json}}.dump()); }

std::string_view image_architecture() {
#if defined(__aarch64__)
  return "arm64";
#else
  return "amd64";
#endif
}

}  // namespace sagittal::hub
