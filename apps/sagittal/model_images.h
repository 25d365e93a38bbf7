#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"

namespace sagittal {

/// An image of this machine, and who keeps it.
struct HeldImage {
  std::string holder;       ///< "docker", "podman", or "sagittal": pulled without an engine
  std::uint64_t bytes = 0;  ///< on the disk; layers that an engine's images share count for each of them
  /// Answers how many bytes that frees: 0 where other names keep it. Error(conflict) while somebody uses it.
  std::function<std::uint64_t()> remove;
};

/// All that `image`, a reference, means here. `silent`: engines that are installed and do not answer, and why.
struct HeldImages {
  std::vector<HeldImage> images;
  std::vector<std::string> silent;
};
HeldImages find_images(const std::string& image, const std::filesystem::path& data_directory,
                       const CancelToken& cancel);

/// Bytes to fetch, packed, as the image's registry says; nothing where it does not say so to everybody.
std::optional<std::uint64_t> bytes_to_fetch(const std::string& image, const RunControl& control);

}  // namespace sagittal
