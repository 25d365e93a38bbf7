#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "hub/image/image_layer.h"
#include "hub/image/image_manifest.h"
#include "hub/image/image_reference.h"

namespace sagittal::hub {

/// An image, unpacked.
struct StoredImage {
  std::string reference;  ///< as it was asked for, whole
  std::string digest;
  std::filesystem::path root;  ///< its file system
  ImageConfig config;
  std::uint64_t bytes = 0;  ///< on the disk
  std::string pulled;       ///< 2026-01-31T12:00:00Z
};

/// Images that were got from registries without any engine, each in a folder named by its digest. Several processes may
/// use it. Any thread.
class ImageStore {
 public:
  /// `folder` need not be there yet. `login_file`: as of `read_registry_login`; empty: only what everybody may get.
  explicit ImageStore(std::filesystem::path folder, UnpackLimits limits = {}, std::filesystem::path login_file = {})
      : folder_(std::move(folder)), limits_(limits), login_file_(std::move(login_file)) {}

  /// Nothing where it is not here: by digest, or the newest that was pulled under that name.
  std::optional<StoredImage> find(const ImageReference& reference) const;
  /// Newest first; what is damaged is left out.
  std::vector<StoredImage> list() const;

  /// Gets what the registry has now under that name, unless it is here. A stopped pull goes on where it was; an image
  /// appears whole or not at all. Reports "fetching" over all layers, then "unpacking". Error(conflict) while another
  /// process pulls the same; else as `Registry` and `unpack_layer`.
  StoredImage pull(const ImageReference& reference, const RunControl& control) const;

  /// Answers how many bytes were freed. Error(not_found).
  std::uint64_t remove(const std::string& digest) const;

 private:
  std::filesystem::path folder_of(const std::string& digest) const;
  std::optional<StoredImage> read(const std::filesystem::path& folder) const;

  const std::filesystem::path folder_;
  const UnpackLimits limits_;
  const std::filesystem::path login_file_;
};

}  // namespace sagittal::hub
