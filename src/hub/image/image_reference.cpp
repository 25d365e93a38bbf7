#include "hub/image/image_reference.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/plain_text.h"
#include "net/sha256.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kMaxReference = 500;
constexpr std::string_view kSha256 = "sha256:";

bool is_lower(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_word(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

/// Lower-case letters and digits, joined by single dots, underlines or any number of dashes.
bool is_component(std::string_view text) {
  if (text.empty() || !is_lower(text.front()) || !is_lower(text.back())) return false;
  for (std::size_t n = 0; n < text.size(); ++n) {
    const char c = text[n];
    if (!is_lower(c) && c != '.' && c != '_' && c != '-') return false;
    if (n > 0 && (c == '.' || c == '/') && text[n - 1] == c) return false;
  }
  return text.find("___") == std::string_view::npos;
}

bool is_repository(std::string_view text) {
  const auto parts = split(text, '/');
  return text.size() <= 255 && std::all_of(parts.begin(), parts.end(), is_component);
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= 128 && is_word(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

bool is_host(std::string_view text) {
  const auto colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const bool plain =
      !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return is_word(c) || c == '.' || c == '-'; });
  if (colon == std::string_view::npos) return plain;
  const auto port = parse_number<int>(text.substr(colon + 1));
  return plain && port && *port > 0 && *port < 65536;
}

/// The first part is a registry if it cannot be a part of Docker Hub's names.
bool names_registry(std::string_view first) {
  return first == "localhost" || first.find_first_of(".:") != std::string_view::npos;
}

}  // namespace

bool is_image_digest(std::string_view text) {
  return text.starts_with(kSha256) && net::is_sha256_hex(text.substr(kSha256.size()));
}

ImageReference parse_image_reference(std::string_view text) {
  ImageReference out{.registry = "docker.io", .repository = "", .tag = "", .digest = ""};
  std::string_view rest = text.substr(0, kMaxReference + 1);
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    out.digest = rest.substr(at + 1);
    rest = rest.substr(0, at);
  }
  const auto slash = rest.find('/');
  if (slash != std::string_view::npos && names_registry(rest.substr(0, slash))) {
    out.registry = rest.substr(0, slash);
    rest = rest.substr(slash + 1);
  }
  const auto colon = rest.rfind(':');
  if (colon != std::string_view::npos) out.tag = rest.substr(colon + 1);
  out.repository = rest.substr(0, colon);
  const bool short_name = out.registry == "docker.io" && out.repository.find('/') == std::string::npos;
  if (short_name) out.repository = "library/" + out.repository;
  const bool good = text.size() <= kMaxReference && is_host(out.registry) && is_repository(out.repository) &&
                    (colon == std::string_view::npos || is_tag(out.tag)) &&
                    (text.find('@') == std::string_view::npos || is_image_digest(out.digest));
  if (!good) {
    throw Error(ErrorCode::bad_input,
                fmt::format("'{}' names no image, expected one like mhubai/lungmask:latest", plain_line(text, 120)));
  }
  if (out.tag.empty() && out.digest.empty()) out.tag = "latest";
  return out;
}

std::string to_string(const ImageReference& reference) {
  std::string out = reference.registry + "/" + reference.repository;
  if (!reference.tag.empty()) out += ":" + reference.tag;
  if (!reference.digest.empty()) out += "@" + reference.digest;
  return out;
}

}  // namespace sagittal::hub
