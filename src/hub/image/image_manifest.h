#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace sagittal::hub {

constexpr std::size_t kMaxManifestBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxConfigBytes = std::size_t{8} << 20;

/// Something in a registry, named by its content.
struct Blob {
  std::string digest;  ///< "sha256:…"
  std::uint64_t bytes = 0;
};

/// What an image is made of. Source: OCI image specification 1.0; Docker's schema 2 has the same fields.
struct ImageManifest {
  Blob config;
  std::vector<Blob> layers;  ///< tar files, plain, gzip or zstd; the first one lies lowest

  std::uint64_t bytes() const;  ///< of all layers, packed
};

/// How the image wants to be run.
struct ImageConfig {
  std::vector<std::string> entry_point, command;
  std::vector<std::string> environment;  ///< "NAME=value"
  std::string folder;                    ///< where it starts; empty: "/"
};

/// A manifest, or, where `text` lists several, the digest of the one for Linux on `architecture` ("amd64").
struct ManifestOrDigest {
  std::optional<ImageManifest> manifest;
  std::string digest;
};

/// Error(bad_input), Error(unsupported) for Docker's schema 1, for layers that are kept elsewhere and where there is
/// nothing for this architecture, Error(too_large) beyond 500 layers.
ManifestOrDigest parse_image_manifest(std::string_view text, std::string_view architecture);

/// Error(bad_input).
ImageConfig parse_image_config(std::string_view text);

Json to_json(const ImageConfig& config);
/// Of what `to_json` made. Error(bad_input).
ImageConfig image_config_from(const Json& json);

/// This machine, in the words of registries: "amd64", "arm64".
std::string_view image_architecture();

}  // namespace sagittal::hub
