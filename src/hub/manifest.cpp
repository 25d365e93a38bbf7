#include "hub/manifest.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "hub/plain_text.h"
#include "net/http_client.h"
#include "net/sha256.h"

namespace sagittal::hub {
namespace {

constexpr std::string_view kPrefix = "nnInteractive_";
constexpr std::size_t kMostFiles = 500;
constexpr std::uint64_t kMostBytes = std::uint64_t{64} << 30;

bool is_entry_name(const std::string& text) { return text.starts_with(kPrefix) && is_model_name(lower_case(text)); }

std::string text_of(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

bool is_default(const Json& entry) {
  const auto found = entry.find("default");
  return found != entry.end() && *found == true;
}

/// Below a folder of ours it can be nothing but a file in it.
bool is_safe_path(std::string_view path) {
  constexpr std::size_t longest = 400;
  const auto parts = split(path, '/');
  const bool plain = std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c <= '~' && c != '\\'; });
  return plain && path.size() <= longest && std::none_of(parts.begin(), parts.end(), [](std::string_view part) {
           return part.empty() || part == "." || part == "..";
         });
}

std::optional<ListedFile> parse_entry(const Json& entry, std::string_view folder) {
  constexpr std::string_view what = "the list of files";
  if (text_of(entry, "type") == "directory") return std::nullopt;
  const std::string path = json_get<std::string>(entry, "path", what);
  if (!path.starts_with(fmt::format("{}/", folder)) || !is_safe_path(path)) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{} has '{}', expected paths below {}", what, plain_line(path, 120), folder));
  }
  ListedFile file{
      .path = path.substr(folder.size() + 1), .size = json_get<std::uint64_t>(entry, "size", what), .sha256 = ""};
  if (const auto lfs = entry.find("lfs"); lfs != entry.end() && lfs->is_object()) {
    file.sha256 = json_get<std::string>(*lfs, "oid", what);
    if (!net::is_sha256_hex(file.sha256)) {
      throw Error(ErrorCode::bad_input, fmt::format("{}: the checksum of {} is no SHA-256", what, file.path));
    }
  }
  return file;
}

std::string encoded(std::string_view path) {
  std::string out;
  for (const std::string_view part : split(path, '/'))
    out += fmt::format("{}{}", out.empty() ? "" : "/", net::percent_encoded(part));
  return out;
}

}  // namespace

ManifestModel choose_model(std::string_view manifest, std::string_view id) {
  const Json json = parse_json(manifest, "models.json");
  if (!json.is_object() || !json.contains("models") || !json.at("models").is_array()) {
    throw Error(ErrorCode::bad_input, "models.json: expected {\"models\":[…]}");
  }
  std::vector<std::string> ids;
  std::optional<ManifestModel> first;
  std::optional<ManifestModel> declared;
  for (const Json& entry : json.at("models")) {
    const ManifestModel model{text_of(entry, "id"), text_of(entry, "path")};
    if (!is_entry_name(model.id) || !is_entry_name(model.path)) continue;
    if (model.id == id) return model;
    if (!first) first = model;
    if (!declared && is_default(entry)) declared = model;
    ids.push_back(model.id);
  }
  if (!first) throw Error(ErrorCode::bad_input, "models.json names no model");
  if (!id.empty()) {
    throw Error(ErrorCode::not_found, fmt::format("there is no '{}' but: {}", id, fmt::join(ids, ", ")));
  }
  return declared ? *declared : *first;
}

std::vector<ListedFile> parse_file_list(std::string_view listing, std::string_view folder) {
  const Json json = parse_json(listing, "the list of files");
  if (!json.is_array()) throw Error(ErrorCode::bad_input, "the list of files is no list");
  std::vector<ListedFile> files;
  std::uint64_t bytes = 0;
  for (const Json& entry : json) {
    auto file = parse_entry(entry, folder);
    if (!file) continue;
    const std::uint64_t room = kMostBytes - bytes;
    if (files.size() == kMostFiles || file->size > room) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("a model of more than {} files or {}", kMostFiles, size_text(kMostBytes)));
    }
    bytes += file->size;
    files.push_back(*std::move(file));
  }
  if (files.empty()) throw Error(ErrorCode::bad_input, fmt::format("{} has no files", folder));
  return files;
}

std::string manifest_path(std::string_view repository) {
  return fmt::format("/{}/resolve/main/models.json", repository);
}

std::string list_path(std::string_view repository, std::string_view folder) {
  return fmt::format("/api/models/{}/tree/main/{}?recursive=true", repository, encoded(folder));
}

std::string file_path(std::string_view repository, std::string_view path) {
  return fmt::format("/{}/resolve/main/{}", repository, encoded(path));
}

}  // namespace sagittal::hub
