#include "server/viewer.h"

#include <memory>
#include <string>
#include <string_view>

#include "io/gzip.h"

namespace sagittal::server {
namespace {

/// The page runs its own code only, and talks to its own server only. Styles are set by scripts, and NiiVue's font is a
/// picture in its code.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Whether the client takes gzip: named, or *, and not with the quality 0.
bool takes_gzip(std::string_view accepted) {
  const auto at = accepted.find("gzip");
  const auto found = at == std::string_view::npos ? accepted.find('*') : at;
  if (found == std::string_view::npos) return false;
  const std::string_view coding = accepted.substr(found, accepted.find(',', found) - found);
  const auto quality = coding.find("q=0");
  return quality == std::string_view::npos || coding.find_first_of("123456789", quality + 3) != std::string_view::npos;
}

bool has_tag(std::string_view known, std::string_view tag) {
  return known == "*" || known.find(tag) != std::string_view::npos;
}

http::Response answer(const ViewerFile& file, const std::shared_ptr<const Bytes>& packed,
                      const http::Request& request) {
  http::Response response;
  const bool is_page = file.path == "/";
  response.headers = {{"ETag", std::string(file.etag)},
                      {"Cache-Control", is_page ? "no-cache" : "public, max-age=31536000, immutable"},
                      {"Vary", "Accept-Encoding"},
                      {"Content-Security-Policy", std::string(kPolicy)},
                      {"Cross-Origin-Opener-Policy", "same-origin"},
                      {"Referrer-Policy", "no-referrer"},
                      {"X-Content-Type-Options", "nosniff"}};
  if (has_tag(request.header("If-None-Match"), file.etag)) {
    response.status = 304;
    return response;
  }
  response.headers.push_back({"Content-Type", std::string(file.content_type)});
  if (takes_gzip(request.header("Accept-Encoding"))) {
    response.headers.push_back({"Content-Encoding", "gzip"});
    response.body = packed;
  } else {
    const Buffer raw = io::gunzip(*packed, file.size, file.path);
    const auto bytes = raw.as<const std::uint8_t>();
    response.body = std::make_shared<const Bytes>(bytes.begin(), bytes.end());
  }
  return response;
}

}  // namespace

std::vector<http::Route> viewer_routes(std::span<const ViewerFile> files) {
  std::vector<http::Route> routes;
  for (const ViewerFile& file : files) {
    const auto packed = std::make_shared<const Bytes>(file.gzip.begin(), file.gzip.end());
    http::Route route{.method = "GET", .path = std::string(file.path), .summary = "The viewer for browsers."};
    route.open = true;
    route.handler = [&file, packed](const http::Request& request) { return answer(file, packed, request); };
    routes.push_back(std::move(route));
  }
  return routes;
}

}  // namespace sagittal::server
