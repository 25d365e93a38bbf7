#include "hub/runners/engine_images.h"

#include <algorithm>

#include "base/text.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kMaxImages = 10'000;
constexpr std::string_view kSha256 = "sha256:";

/// "sha256:…" of what Docker gives like that and Podman without the word; empty for anything else.
std::string id_of(std::string_view text) {
  if (text.starts_with(kSha256)) text.remove_prefix(kSha256.size());
  const bool is_id = text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return is_id ? std::string(kSha256).append(text) : "";
}

/// A name in full: "docker.io/library/busybox:latest" for "busybox".
std::string in_full(std::string_view name) {
  std::string full(name);
  const std::size_t slash = full.find('/');
  const std::string_view first = std::string_view(full).substr(0, slash);
  const bool has_registry =
      slash != std::string::npos && (first.find_first_of(".:") != std::string_view::npos || first == "localhost");
  if (!has_registry) full.insert(0, slash == std::string::npos ? "docker.io/library/" : "docker.io/");
  const bool has_version = full.find('@') != std::string::npos || full.find(':', full.rfind('/')) != std::string::npos;
  return has_version ? full : full + ":latest";
}

}  // namespace

std::string_view image_template() {
  return "{{.Id}} {{.Size}} {{range .RepoTags}}{{.}} {{end}}{{range .RepoDigests}}{{.}} {{end}}";
}

std::vector<EngineImage> parse_images(std::string_view text) {
  std::vector<EngineImage> images;
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split(line, ' ');
    EngineImage image;
    image.id = id_of(words[0]);
    const auto bytes = words.size() > 1 ? parse_number<std::uint64_t>(words[1]) : std::nullopt;
    if (image.id.empty() || !bytes || images.size() == kMaxImages) continue;
    if (std::any_of(images.begin(), images.end(), [&](const EngineImage& other) { return other.id == image.id; }))
      continue;
    image.bytes = *bytes;
    for (std::size_t n = 2; n < words.size(); ++n) {
      if (words[n].empty() || words[n][0] == '-' || words[n].starts_with("<none>")) continue;
      (words[n].find('@') == std::string_view::npos ? image.tags : image.pinned).emplace_back(words[n]);
    }
    images.push_back(std::move(image));
  }
  return images;
}

bool is_called(const EngineImage& image, std::string_view name) {
  if (name.empty()) return false;
  if (name == image.id || std::string(kSha256).append(name) == image.id) return true;
  const std::string wanted = in_full(name);
  const auto same = [&](const std::string& own) { return in_full(own) == wanted; };
  return std::any_of(image.tags.begin(), image.tags.end(), same) ||
         std::any_of(image.pinned.begin(), image.pinned.end(), same);
}

}  // namespace sagittal::hub
