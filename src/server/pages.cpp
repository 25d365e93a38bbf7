#include "server/pages.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/xml.h"

namespace sagittal::server {
namespace {

constexpr std::string_view kStyle = R"css(
:root{color-scheme:dark}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;background:#0e1116;color:#e6e9ee;font:16px/1.55 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
display:flex;justify-content:center;padding:6vh 20px}
main{width:100%;max-width:720px}
header{display:flex;align-items:baseline;justify-content:space-between;gap:16px;margin-bottom:28px}
h1{font-size:28px;font-weight:650;letter-spacing:-.01em;margin:0}
h1 small{font-size:14px;font-weight:400;color:#8b95a5;margin-left:8px;letter-spacing:0}
h2{font-size:13px;font-weight:600;color:#8b95a5;text-transform:uppercase;letter-spacing:.08em;margin:0 0 12px}
section{background:#161b23;border:1px solid #252c38;border-radius:12px;padding:22px 24px;margin-bottom:18px}
.state{font-weight:600;white-space:nowrap}
.state::before{content:"";display:inline-block;width:10px;height:10px;border-radius:50%;margin-right:8px;background:currentColor}
.ok{color:#4cc38a}.bad{color:#ff8b6b}
code,output{font-family:ui-monospace,"SF Mono",Menlo,"DejaVu Sans Mono",monospace}
output{display:block;font-size:22px;color:#7cc4ff;background:#0b0e13;border:1px solid #252c38;border-radius:8px;padding:12px 16px;
user-select:all;overflow-wrap:anywhere}
p{margin:12px 0 0;color:#b4bdca}
p code{color:#e6e9ee}
dl{display:grid;grid-template-columns:minmax(110px,150px) 1fr;gap:8px 16px;margin:0}
dt{color:#8b95a5}dd{margin:0;overflow-wrap:anywhere}
a{color:#7cc4ff}
nav{display:flex;flex-wrap:wrap;gap:20px}
)css";

std::string format_duration(double seconds) {
  const auto total = static_cast<std::int64_t>(seconds);
  if (total < 60) return fmt::format("{} s", total);
  if (total < 3600) return fmt::format("{} min {} s", total / 60, total % 60);
  if (total < 86400) return fmt::format("{} h {} min", total / 3600, total / 60 % 60);
  return fmt::format("{} d {} h", total / 86400, total / 3600 % 24);
}

std::string row(std::string_view name, std::string_view value) {
  return fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, escape_xml(value));
}

std::string facts(const ServerStatus& status) {
  std::string rows = status.models.empty() ? row("Model", "none is loaded") : "";
  for (const ServerStatus::Model& model : status.models) {
    rows += row("Model", model.name);
    if (!model.licence.empty()) rows += row("Licence", model.licence);
  }
  if (!status.precision.empty()) rows += row("Runs on", status.precision);
  rows += row("Sessions", fmt::format("{} of at most {}", status.sessions, status.max_sessions));
  rows += row("Predictions", std::to_string(status.predictions));
  rows += row("Running for", format_duration(status.uptime_s));
  return rows;
}

/// The address under which this client reached the server. The Host header is a stranger's text: only what can be a
/// host and a port is repeated.
std::string address_of(const http::Request& request) {
  const std::string_view host = request.header("Host");
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == ':' || c == '[' || c == ']';
  };
  constexpr std::size_t kMaxHost = 255;
  const bool usable = !host.empty() && host.size() <= kMaxHost && std::all_of(host.begin(), host.end(), allowed);
  return fmt::format("{}://{}{}{}", request.encrypted ? "https" : "http", usable ? host : "this-machine:1527",
                     request.prefix.empty() ? "" : "/", request.prefix);
}

}  // namespace

std::string status_page(const ServerStatus& status, const std::string& address) {
  const bool ready = !status.models.empty();
  return fmt::format(
      R"html(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="refresh" content="15"><title>Sagittal</title><style>{style}</style></head>
<body><main>
<header><h1>Sagittal<small>{version}</small></h1><span class="state {state_class}">{state}</span></header>
<section><h2>Connect 3D Slicer</h2><output>{address}</output>
<p>Paste this address into the nnInteractive module of 3D Slicer: tab <code>Configuration</code>, field <code>Server URL</code>.</p>
<p>Several people share this server? Let each add a name of their own: <code>{address}{person}</code>.</p></section>
<section><h2>This server</h2><dl>
{facts}</dl></section>
<section><h2>More</h2><nav><a href="/">Viewer</a><a href="/healthz">Health</a><a href="/metrics">Metrics</a></nav></section>
</main></body></html>
)html",
      fmt::arg("style", kStyle), fmt::arg("version", SAGITTAL_VERSION), fmt::arg("state_class", ready ? "ok" : "bad"),
      fmt::arg("state", ready ? "Ready" : "No model"), fmt::arg("address", escape_xml(address)),
      fmt::arg("person", address.find('/', 7) == std::string::npos ? "/alice" : ""), fmt::arg("facts", facts(status)));
}

std::vector<http::Route> page_routes(std::function<ServerStatus()> status, const Metrics& metrics) {
  http::Route page{
      .method = "GET", .path = "/", .summary = "A page for people: the address to type, the model, the load."};
  page.takes_prefix = true;
  page.handler = [status = std::move(status)](const http::Request& request) {
    http::Response response =
        http::text_response(200, "text/html; charset=utf-8", status_page(status(), address_of(request)));
    response.headers.push_back({"Cache-Control", "no-store"});
    response.headers.push_back({"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"});
    response.headers.push_back({"X-Content-Type-Options", "nosniff"});
    return response;
  };
  http::Route with_viewer = page;
  with_viewer.path = "/server";
  with_viewer.takes_prefix = false;
  http::Route health{
      .method = "GET", .path = "/healthz", .summary = "Answers while the server lives, also during predictions."};
  health.takes_prefix = health.open = true;
  health.handler = [](const http::Request&) { return http::json_response(200, {{"ok", true}, {"status", "ok"}}); };
  http::Route numbers{.method = "GET", .path = "/metrics", .summary = "Counters in Prometheus' text format."};
  numbers.handler = [&metrics](const http::Request&) {
    return http::text_response(200, "text/plain; version=0.0.4; charset=utf-8", metrics.text());
  };
  return {std::move(page), std::move(with_viewer), std::move(health), std::move(numbers)};
}

}  // namespace sagittal::server
