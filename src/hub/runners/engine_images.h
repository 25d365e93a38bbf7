#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sagittal::hub {

/// An image that an engine holds.
struct EngineImage {
  std::string id;                   ///< "sha256:" and 64 hexadecimal digits
  std::uint64_t bytes = 0;          ///< unpacked; layers that images share count for each of them
  std::vector<std::string> tags;    ///< "docker.io/mhubai/lungmask:latest"
  std::vector<std::string> pinned;  ///< "docker.io/mhubai/lungmask@sha256:…"

  bool operator==(const EngineImage&) const = default;
};

/// The template for `docker image inspect` and `podman image inspect` whose lines the next function reads.
std::string_view image_template();

/// Images in the order of the lines, each id once; lines that are none, such as an engine's warnings, are left out.
std::vector<EngineImage> parse_images(std::string_view text);

/// Whether `image`, a name as a person or a card gives it, means this one: an id, a tag, a digest, with the registry
/// and ":latest" left out or not.
bool is_called(const EngineImage& image, std::string_view name);

}  // namespace sagittal::hub
