#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/progress.h"
#include "hub/image/image_manifest.h"
#include "hub/image/image_reference.h"
#include "net/http_client.h"

namespace sagittal::hub {

/// How a registry wants to be asked: Bearer realm="…",service="…",scope="…". Source: distribution specification,
/// "Token Authentication".
struct TokenChallenge {
  std::string realm, service, scope;
};
/// An empty realm for what is no such challenge.
TokenChallenge parse_token_challenge(std::string_view text);

/// Images of a registry, as everybody may get them, or who may with a password. One thread.
class Registry {
 public:
  /// An image of `reference.registry`. Plain HTTP only from this machine itself. `login` is shown where the registry
  /// asks for it, to it and to the token service that it names, under the same rule.
  explicit Registry(ImageReference reference, std::optional<net::HttpKey> login = std::nullopt);

  struct Resolved {
    std::string digest;  ///< of what the reference names, as the registry's other users see it
    ImageManifest manifest;
  };
  /// For this machine's architecture. Error(not_found | unavailable | unauthorized | bad_input | unsupported).
  Resolved resolve(const RunControl& control);
  ImageConfig config(const ImageManifest& manifest, const RunControl& control);
  /// As net::download: resumes, and checks the digest.
  void fetch(const Blob& blob, const std::filesystem::path& file, const RunControl& control);

 private:
  std::string get(const std::string& path, const std::string& accept, std::size_t max_bytes, const RunControl& control);
  std::string manifest_text(const std::string& version, const RunControl& control);
  void answer_challenge(const RunControl& control);
  void ask_for_token(const RunControl& control);
  net::HttpClient client() const;
  [[noreturn]] void refuse() const;
  [[noreturn]] void fail(const net::HttpAnswer& answer) const;

  const ImageReference reference_;
  const std::optional<net::HttpKey> login_;
  const std::string base_;  ///< "https://registry-1.docker.io/v2/library/alpine/"
  std::string challenge_;   ///< of the last 401
  std::string token_;
  bool is_basic_ = false;  ///< it wants the password itself
};

}  // namespace sagittal::hub
