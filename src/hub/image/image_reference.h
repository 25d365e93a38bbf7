#pragma once
#include <string>
#include <string_view>

namespace sagittal::hub {

/// Which image, and where it is had: "mhubai/lungmask:latest" is docker.io's. Grammar: distribution/reference of the
/// OCI distribution specification.
struct ImageReference {
  std::string registry;    ///< host, with a port where one is given: "docker.io", "localhost:5000"
  std::string repository;  ///< "library/alpine"
  std::string tag;         ///< "latest" where neither it nor a digest is given
  std::string digest;      ///< "sha256:…", or empty; wins over the tag

  /// What the registry is asked for: the digest, or the tag.
  const std::string& version() const { return digest.empty() ? tag : digest; }
};

/// Error(bad_input) for what is none.
ImageReference parse_image_reference(std::string_view text);
/// Whole, so that two names of one image are one text: "docker.io/library/alpine:latest".
std::string to_string(const ImageReference& reference);

/// Whether `text` is "sha256:" and 64 lower-case hexadecimal digits.
bool is_image_digest(std::string_view text);

}  // namespace sagittal::hub
