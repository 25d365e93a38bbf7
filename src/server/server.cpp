#include "server/server.h"

#include <utility>

#include <fmt/format.h>

namespace sagittal::server {
namespace {

void describe_metrics(Metrics& metrics) {
  metrics.describe("sagittal_http_requests_total", "Answered requests by route, method and status.");
  metrics.describe("sagittal_http_request_seconds", "From the end of a request's header to the end of its answer.");
  metrics.describe("sagittal_http_received_bytes_total", "Bytes of request bodies.");
  metrics.describe("sagittal_http_sent_bytes_total", "Bytes of answers.");
  metrics.describe("sagittal_http_connections", "Open connections.");
  metrics.describe("sagittal_queue_waiting", "Requests that wait for a worker.");
  metrics.describe("sagittal_queue_seconds", "From the end of a request's body to its worker.");
  metrics.describe("sagittal_queue_running", "Requests that a worker handles.");
}

void record(Metrics& metrics, const http::Exchange& exchange) {
  const std::string route = exchange.route ? exchange.route->path : "none";
  const std::string method = exchange.route ? exchange.route->method : "any";
  metrics.add(
      "sagittal_http_requests_total",
      {{"route", route}, {"method", method}, {"status", exchange.status ? std::to_string(exchange.status) : "broken"}});
  metrics.observe_seconds("sagittal_http_request_seconds", {{"route", route}}, exchange.seconds);
  metrics.add("sagittal_http_received_bytes_total", {}, static_cast<double>(exchange.bytes_in));
  metrics.add("sagittal_http_sent_bytes_total", {}, static_cast<double>(exchange.bytes_out));
}

}  // namespace

std::vector<std::string> reserved_names() {
  return {// this server
          "api", "healthz", "metrics", "docs", "openapi.json", "assets", "favicon.ico", "robots.txt", "ws", "v1", "v2",
          // the first Slicer dialect and nnInteractive v2
          "upload_image", "upload_segment", "add_point_interaction", "add_bbox_interaction", "add_lasso_interaction",
          "add_scribble_interaction", "add_initial_seg_interaction", "claim", "release", "heartbeat", "set_image",
          "capabilities", "undo", "reset_interactions", "run_prediction", "set_target_buffer",
          // ITK-SNAP
          "status", "start_session", "end_session", "upload_raw", "process_point_interaction",
          "process_scribble_interaction", "process_lasso_interaction", "handle_reset_interactions",
          // MONAI Label and OHIF
          "info", "auth", "activelearning", "datastore", "session", "infer", "train", "logs", "batch", "scoring",
          "model", "proxy", "ohif"};
}

struct Server::State {
  State(const ServerOptions& options, std::vector<http::Route> routes, Metrics& counted, const LogSink& log,
        http::Admit admit, http::ExchangeObserver observe)
      : metrics(counted),
        router(std::move(routes), reserved_names()),
        queue(options.queue,
              [this](const http::WorkKind& kind, double seconds) {
                metrics.observe_seconds("sagittal_queue_seconds", {{"work", kind.heavy ? "prediction" : "other"}},
                                        seconds);
              }),
        listener(
            options.listener, router, queue,
            [this, log, observe](const http::Exchange& exchange) {
              if (observe) observe(exchange);
              record(metrics, exchange);
              if (log) {
                log(LogLevel::debug, fmt::format("{} {} {} in {:.3f} s", exchange.method,
                                                 exchange.route ? exchange.route->path : "(no route)", exchange.status,
                                                 exchange.seconds));
              }
            },
            std::move(admit)) {}

  Metrics& metrics;
  http::Router router;
  http::WorkQueue queue;
  http::Listener listener;
};

Server::Server(const ServerOptions& options, std::vector<http::Route> routes, Metrics& metrics, LogSink log,
               http::Admit admit, http::ExchangeObserver observe)
    : state_(std::make_unique<State>(options, std::move(routes), metrics, log, std::move(admit), std::move(observe))) {
  describe_metrics(metrics);
  State* state = state_.get();
  metrics.gauge("sagittal_http_connections", {},
                [state] { return static_cast<double>(state->listener.connections()); });
  metrics.gauge("sagittal_queue_waiting", {}, [state] { return static_cast<double>(state->queue.waiting()); });
  metrics.gauge("sagittal_queue_running", {}, [state] { return static_cast<double>(state->queue.running()); });
}

Server::~Server() {
  stop(std::chrono::milliseconds(0));
  for (const char* name : {"sagittal_http_connections", "sagittal_queue_waiting", "sagittal_queue_running"}) {
    state_->metrics.gauge(name, {}, nullptr);
  }
}

std::uint16_t Server::port() const { return state_->listener.port(); }

const http::Router& Server::router() const { return state_->router; }

bool Server::predicting() const { return state_->queue.running_heavy() > 0; }

void Server::reload_tls() { state_->listener.reload_tls(); }

void Server::drain(std::chrono::milliseconds grace) { state_->listener.drain(grace); }

void Server::stop(std::chrono::milliseconds grace) {
  state_->listener.stop(grace);
  state_->queue.stop();
}

}  // namespace sagittal::server
