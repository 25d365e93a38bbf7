#include "hub/image/registry.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "hub/plain_text.h"
#include "net/download.h"
#include "net/sha256.h"

namespace sagittal::hub {
namespace {

constexpr std::string_view kManifestTypes =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";
constexpr std::size_t kMaxTokenBytes = std::size_t{64} << 10;

bool is_this_machine(std::string_view registry) {
  const std::string_view host = registry.substr(0, registry.find(':'));
  return host == "localhost" || host == "127.0.0.1";
}

std::string base_of(const ImageReference& reference) {
  const bool hub = reference.registry == "docker.io" || reference.registry == "index.docker.io";
  return fmt::format("{}://{}/v2/{}/", is_this_machine(reference.registry) ? "http" : "https",
                     hub ? "registry-1.docker.io" : reference.registry, reference.repository);
}

/// Whether nobody on the way reads what is sent there.
bool is_secure(std::string_view url) {
  constexpr std::string_view plain = "http://";
  if (url.starts_with("https://")) return true;
  if (!url.starts_with(plain)) return false;
  url.remove_prefix(plain.size());
  return is_this_machine(url.substr(0, url.find_first_of("/?#")));
}

std::string digest_of(std::string_view text) { return "sha256:" + net::sha256_hex(as_bytes(text)); }

void check_digest(std::string_view text, const std::string& expected) {
  if (digest_of(text) == expected) return;
  throw Error(ErrorCode::bad_input, fmt::format("the registry answered something else than {}", expected));
}

}  // namespace

TokenChallenge parse_token_challenge(std::string_view text) {
  constexpr std::string_view scheme = "bearer ";
  if (text.size() > 4096 || lower_case(text.substr(0, scheme.size())) != scheme) return {};
  TokenChallenge out;
  text.remove_prefix(scheme.size());
  while (!text.empty()) {
    const auto equal = text.find("=\"");
    const auto end = equal == std::string_view::npos ? equal : text.find('"', equal + 2);
    if (end == std::string_view::npos) return {};
    const auto name_at = text.find_first_not_of(" ,");
    const std::string name = lower_case(text.substr(name_at, equal - name_at));
    const std::string value(text.substr(equal + 2, end - equal - 2));
    if (name == "realm") out.realm = value;
    if (name == "service") out.service = value;
    if (name == "scope") out.scope = value;
    text.remove_prefix(end + 1);
  }
  return out;
}

Registry::Registry(ImageReference reference, std::optional<net::HttpKey> login)
    : reference_(std::move(reference)), login_(std::move(login)), base_(base_of(reference_)) {}

net::HttpClient Registry::client() const {
  return net::HttpClient({.key = is_basic_ ? *login_ : net::HttpKey{"", token_}, .timeout = std::chrono::seconds(0)});
}

Registry::Resolved Registry::resolve(const RunControl& control) {
  control.report("asking the registry", 0);
  const std::string text = manifest_text(reference_.version(), control);
  Resolved out{.digest = digest_of(text), .manifest = {}};
  ManifestOrDigest parsed = parse_image_manifest(text, image_architecture());
  if (!parsed.manifest) {
    parsed = parse_image_manifest(manifest_text(parsed.digest, control), image_architecture());
    if (!parsed.manifest) throw Error(ErrorCode::bad_input, "the image's manifest is a list within a list");
  }
  out.manifest = std::move(*parsed.manifest);
  return out;
}

ImageConfig Registry::config(const ImageManifest& manifest, const RunControl& control) {
  if (manifest.config.bytes > kMaxConfigBytes) throw Error(ErrorCode::too_large, "the image's configuration");
  const std::string text = get("blobs/" + manifest.config.digest, "*/*", kMaxConfigBytes, control);
  check_digest(text, manifest.config.digest);
  return parse_image_config(text);
}

void Registry::fetch(const Blob& blob, const std::filesystem::path& file, const RunControl& control) {
  if (!challenge_.empty()) answer_challenge(control);  // a token is good for minutes only, which a layer may outlast
  net::download(client(),
                {.url = base_ + "blobs/" + blob.digest,
                 .file = file,
                 .sha256 = blob.digest.substr(blob.digest.find(':') + 1),
                 .max_bytes = blob.bytes},
                control);
}

std::string Registry::manifest_text(const std::string& version, const RunControl& control) {
  const std::string text = get("manifests/" + version, std::string(kManifestTypes), kMaxManifestBytes, control);
  if (is_image_digest(version)) check_digest(text, version);
  return text;
}

std::string Registry::get(const std::string& path, const std::string& accept, std::size_t max_bytes,
                          const RunControl& control) {
  const net::HttpRequest request{.url = base_ + path, .headers = {{"Accept", accept}}, .max_answer_bytes = max_bytes};
  net::HttpAnswer answer = client().send(request, control.cancel);
  if (answer.status == 401) {
    challenge_ = answer.authenticate;
    answer_challenge(control);
    answer = client().send(request, control.cancel);
  }
  if (answer.status != 200) fail(answer);
  return std::string(as_text(answer.body));
}

void Registry::answer_challenge(const RunControl& control) {
  is_basic_ = login_ && lower_case(std::string_view(challenge_).substr(0, 6)) == "basic ";
  if (!is_basic_) ask_for_token(control);
}

void Registry::ask_for_token(const RunControl& control) {
  const TokenChallenge asked = parse_token_challenge(challenge_);
  if (safe_uri(asked.realm).empty() || !is_secure(asked.realm)) refuse();
  std::string url = asked.realm + (asked.realm.find('?') == std::string::npos ? '?' : '&');
  url += fmt::format("service={}&scope={}", net::percent_encoded(asked.service), net::percent_encoded(asked.scope));
  const net::HttpAnswer answer = net::HttpClient({.key = login_.value_or(net::HttpKey{})})
                                     .send({.url = url, .max_answer_bytes = kMaxTokenBytes}, control.cancel);
  if (answer.status != 200) fail(answer);
  const Json json = parse_json(as_text(answer.body), "the registry's token");
  token_ = json_get_or<std::string>(json, "token", "the registry's token", "");
  if (token_.empty()) token_ = json_get<std::string>(json, "access_token", "the registry's token");
  static_cast<void>(net::parse_http_key(token_));  // one line, no control characters
}

void Registry::refuse() const {
  throw Error(ErrorCode::unauthorized,
              fmt::format("{}: the registry has no such image, or not for {}", to_string(reference_),
                          login_ ? fmt::format("{}, whose password is kept for it", plain_line(login_->user, 100))
                                 : fmt::format("everybody: `docker login {}` keeps a password", reference_.registry)));
}

void Registry::fail(const net::HttpAnswer& answer) const {
  const std::string name = to_string(reference_);
  switch (answer.status) {
    case 401:
    case 403:
      refuse();
    case 404:
      throw Error(ErrorCode::not_found, fmt::format("{}: the registry has no such image", name));
    case 429:
      throw Error(ErrorCode::unavailable,
                  fmt::format("{}: the registry has answered this address too often; try again in some hours", name));
    default:
      throw Error(ErrorCode::unavailable, fmt::format("{}: the registry answered {}", name, answer.status));
  }
}

}  // namespace sagittal::hub
