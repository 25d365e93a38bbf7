#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "server/http/router.h"
#include "server/state/metrics.h"

namespace sagittal::server {

/// What the status page tells.
struct ServerStatus {
  struct Model {
    std::string name;
    std::string licence;
  };
  std::vector<Model> models;  ///< the default first; empty: none is loaded
  std::string precision;      ///< what runs underneath: "oneDNN 2.6.3, bf16, AMX, 2 threads"
  std::size_t sessions = 0;
  std::size_t max_sessions = 0;
  std::uint64_t predictions = 0;
  double uptime_s = 0;
};

/// The page as self-contained HTML. `address` is what a viewer's user types; it is escaped here.
std::string status_page(const ServerStatus& status, const std::string& address);

/// `GET /` (with any prefix) and `/server`, `/healthz` and `/metrics`; the viewer, where there is one, goes before
/// them. `status` is called from network threads; it and `metrics` must outlive the routes.
std::vector<http::Route> page_routes(std::function<ServerStatus()> status, const Metrics& metrics);

}  // namespace sagittal::server
