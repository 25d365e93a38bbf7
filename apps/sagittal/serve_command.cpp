#include <sys/resource.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/machine.h"
#include "commands.h"
#include "data_folder.h"
#include "hub/hub.h"
#include "key_file_option.h"
#include "log_to_stderr.h"
#include "model_lookup.h"
#include "scan_sources.h"
#include "serve.h"
#include "serve_jobs.h"
#include "serve_memory.h"
#include "serve_options.h"
#include "serve_streams.h"
#include "server/access/audit_log.h"
#include "server/access/gate.h"
#include "server/api/native_api.h"
#include "server/api/study_routes.h"
#include "server/dialects/itksnap.h"
#include "server/dialects/monai_label.h"
#include "server/dialects/nninteractive_v2.h"
#include "server/dialects/slicer_v0.h"
#include "server/pages.h"
#include "server/server.h"
#include "server/state/events.h"
#include "server/state/housekeeper.h"
#include "server/state/sessions.h"
#include "server/state/warmer.h"
#include "server/viewer.h"

namespace sagittal::commands {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kSweepPeriod{5};

/// SIGINT, SIGTERM and SIGHUP are blocked in every thread started from here on and waited for in one place.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals() { release(); }

  /// SIGINT or SIGTERM; calls `reload` for each SIGHUP before.
  int wait(const std::function<void()>& reload) const {
    int received = 0;
    while (sigwait(&signals_, &received) == 0 && received == SIGHUP) reload();
    release();  // a second one ends the program at once
    return received;
  }

 private:
  void release() const { pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr); }
  sigset_t signals_{};
};

/// Addresses that stand for "every interface" cannot be typed into a viewer.
std::string address_to_type(const std::string& host, int port, bool encrypted) {
  const bool any = host == "0.0.0.0" || host == "::";
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("{}://{}:{}", encrypted ? "https" : "http",
                     any  ? "127.0.0.1"
                     : v6 ? "[" + host + "]"
                          : host,
                     port);
}

/// The keys that clients need; null where this is a server for everybody.
std::unique_ptr<server::ApiKeys> open_keys(const ServeOptions& options) {
  const KeyFileOption chosen{options.model.data_directory, options.api_key_file};
  const server::ApiKeyFile file(chosen.path());
  if (options.api_key_file.empty() && !file.exists()) return nullptr;
  return std::make_unique<server::ApiKeys>(file.path(), log_to_stderr);
}

std::string public_refusal(const ServeOptions& options) {
  return fmt::format(
      "--host {} lets other computers use this server, and it has no keys. Make one for each person with "
      "`sagittal key add NAME`, or let everybody in with --public",
      options.host);
}

/// As many open files as the system lets this process have; connections leave some for the rest of the program.
std::size_t allow_connections(std::size_t wanted) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return wanted;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  constexpr std::size_t others = 128;
  return files.rlim_max < 2 * others ? others : std::min<std::size_t>(wanted, files.rlim_max - others);
}

server::http::ExchangeObserver observer(server::AuditLog* audit) {
  if (audit == nullptr) return {};
  return [audit](const server::http::Exchange& exchange) { audit->record(exchange); };
}

void reload(server::Server& server, server::AuditLog* audit) {
  try {
    server.reload_tls();
    if (audit) audit->reopen();
  } catch (const Error& error) {
    log_to_stderr(LogLevel::error, fmt::format("SIGHUP: {}", error.what()));
  }
}

/// Where nothing is kept on a disk, uploaded files have a fifth of what is for sessions.
void set_limits(const MemoryShares& shares, bool on_disk, server::SessionLimits& sessions,
                server::ServerOptions& server, server::UploadLimits& uploads, server::ShelfLimits& shelf) {
  constexpr std::size_t files_per_session = 16;
  sessions.max_memory_bytes = on_disk ? shares.sessions : shares.sessions / 5 * 4;
  server.listener.max_body_bytes_in_memory = shares.bodies;
  uploads.max_image_bytes = shares.bodies;
  uploads.max_mask_bytes = shares.bodies / 2;
  shelf = {.max_file_bytes = std::min(uploads.max_image_bytes, sessions.max_memory_bytes),
           .max_memory_bytes = shares.sessions / 5,
           .max_per_owner = files_per_session * sessions.max_sessions_per_owner,
           .keep_for = sessions.keep_for};
}

void describe_model_metrics(server::Metrics& metrics, const server::Models& models) {
  metrics.describe("sagittal_network_seconds_total", "Time in the network, a part of that for prompts.");
  metrics.describe("sagittal_network_processor_seconds_total", "Processor time of the network, all threads.");
  for (const auto& model : models) {
    const auto use = [model] {
      nn::NetworkUse sum = model->network->use();
      if (!model->guide) return sum;
      const nn::NetworkUse guide = model->guide.network->use();
      return nn::NetworkUse{sum.seconds + guide.seconds, sum.processor_seconds + guide.processor_seconds};
    };
    const server::Labels labels{{"model", model->name}};
    metrics.counter("sagittal_network_seconds_total", labels, [use] { return use().seconds; });
    metrics.counter("sagittal_network_processor_seconds_total", labels, [use] { return use().processor_seconds; });
  }
}

void describe_program_metrics(server::Metrics& metrics, const server::Sessions& sessions, Clock::time_point start) {
  metrics.describe("sagittal_sessions", "Clients with a session.");
  metrics.gauge("sagittal_sessions", {}, [&sessions] { return static_cast<double>(sessions.count()); });
  metrics.describe("sagittal_sessions_memory_bytes", "Memory set aside for the images of all sessions.");
  metrics.gauge("sagittal_sessions_memory_bytes", {},
                [&sessions] { return static_cast<double>(sessions.memory_bytes()); });
  metrics.describe("sagittal_peak_resident_bytes", "Largest resident set so far.");
  metrics.gauge("sagittal_peak_resident_bytes", {}, [] { return static_cast<double>(peak_resident_bytes()); });
  metrics.describe("sagittal_uptime_seconds", "Since the start.");
  metrics.gauge("sagittal_uptime_seconds", {},
                [start] { return std::chrono::duration<double>(Clock::now() - start).count(); });
  metrics.describe("sagittal_build_info", "1, with the version as a label.");
  metrics.gauge("sagittal_build_info", {{"version", SAGITTAL_VERSION}}, [] { return 1.0; });
}

std::vector<server::ServerStatus::Model> status_of(const server::Models& models) {
  std::vector<server::ServerStatus::Model> list;
  for (const auto& model : models) {
    list.push_back({model->name, model->licence.starts_with("!!") ? "not stated" : model->licence});
  }
  return list;
}

/// The C library keeps large blocks that were freed, ever more of them with each upload: they go back to the system.
void give_back_large_blocks() {
#ifdef __GLIBC__
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

}  // namespace

void serve(const ServeOptions& options, const WhenReady& ready) {
  give_back_large_blocks();
  const Clock::time_point start = Clock::now();
  const StopSignals stop_signals;
  const auto keys = open_keys(options);
  server::Gate gate({options.allowed_origins, options.allowed_hosts, {}}, keys.get(), log_to_stderr);
  const auto audit =
      options.audit_log.empty() ? nullptr : std::make_unique<server::AuditLog>(options.audit_log, log_to_stderr);
  const interact::Workspace workspace;
  const server::Models models(load_models(options.model, workspace));
  server::SessionLimits session_limits{.max_sessions = options.max_sessions};
  const std::size_t per_user = options.max_sessions_per_user ? options.max_sessions_per_user : options.max_sessions;
  session_limits.max_sessions_per_owner = per_user;
  server::ServerOptions server_options;
  server::UploadLimits upload_limits;
  server::ShelfLimits shelf_limits;
  session_limits.keep_for = std::chrono::hours(options.keep_hours);
  session_limits.max_data_bytes = options.data_limit;
  const MemoryShares shares = divide_memory(models, options.memory_limit);
  set_limits(shares, options.model.data_directory != kNoFolder, session_limits, server_options, upload_limits,
             shelf_limits);
  workspace.arenas->limit(shares.maps);
  workspace.scratch->limit(shares.patches);
  server_options.listener.host = options.host;
  server_options.listener.port = static_cast<std::uint16_t>(options.port);
  server_options.listener.max_connections = allow_connections(server_options.listener.max_connections);
  server_options.listener.tls_certificate = options.tls_certificate;
  server_options.listener.tls_key = options.tls_key;
  if (!keys && !options.open_to_all) server_options.listener.public_refusal = public_refusal(options);

  ThreadPool pool(options.model.threads);
  const std::chrono::seconds keep_for = session_limits.keep_for;
  const DataFolder data(options.model.data_directory, pool, log_to_stderr);
  server::Sessions sessions(models, pool, session_limits, Clock::now, data.journal());
  const auto make_room = [&sessions](std::uint64_t bytes) { sessions.make_disk_room(bytes); };
  data.limit(make_room);
  server::SavedLabels labels(data.journal() ? std::filesystem::path(options.model.data_directory) / "labels"
                                            : std::filesystem::path());
  labels.set_make_room(make_room);
  sessions.count_too([&labels] { return labels.bytes(); });
  server::Leases leases(
      sessions,
      {.max_leases = options.max_sessions, .lifetime = keep_for, .max_leases_per_owner = per_user, .kind = "v2"});
  server::LeaseLimits without_heartbeat{
      .max_leases = options.max_sessions, .lifetime = keep_for, .max_leases_per_owner = per_user, .kind = "itksnap"};
  without_heartbeat.liveness = without_heartbeat.idle;
  server::Leases itksnap_leases(sessions, without_heartbeat);
  without_heartbeat.kind = "monai";
  server::Leases monai_leases(sessions, without_heartbeat);
  without_heartbeat.kind = "native";
  server::Leases native_leases(sessions, without_heartbeat);
  server::VolumeShelf volumes(data.journal(), pool, shelf_limits);
  server::VolumeUploads uploads(data.journal(), shelf_limits);
  const auto sweep = [&] {
    sessions.sweep();
    leases.sweep();
    itksnap_leases.sweep();
    monai_leases.sweep();
    native_leases.sweep();
    volumes.sweep();
    uploads.sweep();
  };
  const server::Housekeeper housekeeper(kSweepPeriod, sweep, log_to_stderr);
  const server::Studies studies(scan_sources(options, sessions.cancel_token(), log_to_stderr));
  const std::filesystem::path data_directory = options.model.data_directory;
  hub::Hub hub(data.journal() ? catalogue_file(data_directory) : "", model_directories(data_directory));
  server::Metrics metrics;
  describe_program_metrics(metrics, sessions, start);
  describe_model_metrics(metrics, models);
  server::Events events;
  metrics.describe("sagittal_event_listeners", "WebSockets that hear what happens in a session.");
  metrics.gauge("sagittal_event_listeners", {}, [&events] { return static_cast<double>(events.count()); });
  std::unique_ptr<ServeJobs> jobs;
  if (data.journal()) {
    jobs = std::make_unique<ServeJobs>(options, hub, volumes, studies, events, sessions.cancel_token(), log_to_stderr);
    jobs->describe(metrics);
  }
  ServeStreams streams(options, events, log_to_stderr);
  metrics.describe("sagittal_streams", "Pipelines that run.");
  metrics.gauge("sagittal_streams", {}, [&streams] { return static_cast<double>(streams.running()); });
  const auto status = [&] {
    return server::ServerStatus{.models = status_of(models),
                                .precision = models.first()->network->description(),
                                .sessions = sessions.count(),
                                .max_sessions = options.max_sessions,
                                .predictions = static_cast<std::uint64_t>(metrics.total("sagittal_predictions_total")),
                                .uptime_s = std::chrono::duration<double>(Clock::now() - start).count()};
  };
  std::vector<server::http::Route> routes = server::viewer_routes(server::viewer_files());
  const auto append = [&routes](std::vector<server::http::Route> more) {
    for (auto& route : more) routes.push_back(std::move(route));
  };
  append(server::page_routes(status, metrics));
  append(server::nninteractive_v2_routes(sessions, leases, metrics, upload_limits));
  append(server::itksnap_routes(sessions, itksnap_leases, metrics, upload_limits));
  const server::http::Admit admit = [&gate](auto& head, const auto* route) { return gate.admit(head, route); };
  append(server::monai_label_routes(sessions, monai_leases, metrics, studies, labels, upload_limits,
                                    keys ? admit : server::http::Admit()));
  append(server::study_routes(studies, volumes, sessions.cancel_token()));
  append(server::native_api_routes({.sessions = sessions,
                                    .leases = native_leases,
                                    .volumes = volumes,
                                    .uploads = uploads,
                                    .metrics = metrics,
                                    .limits = upload_limits,
                                    .events = &events},
                                   &hub, jobs ? &jobs->services() : nullptr, &streams.services()));
  append(server::slicer_v0_routes(sessions, metrics, upload_limits));
  routes.push_back(server::openapi_route(routes));
  server::Server server(server_options, std::move(routes), metrics,
                        options.verbose ? LogSink(log_to_stderr) : LogSink(), admit, observer(audit.get()));

  const bool encrypted = !options.tls_certificate.empty();
  const std::string address = address_to_type(options.host, server.port(), encrypted);
  fmt::print("Sagittal is ready at {}\n", address);
  std::fflush(stdout);
  if (ready) ready(address, streams.pipelines());
  if (models.size() > 1) {
    log_to_stderr(LogLevel::info,
                  fmt::format("models: {}; {} where a client names none", models.names(), models.first()->name));
  }
  const server::Warmer warmer(models.first(), [&server] { return server.predicting(); });
  if (keys) {
    log_to_stderr(LogLevel::info, fmt::format("people with a key: {}", keys->count()));
  } else if (options.open_to_all) {
    log_to_stderr(LogLevel::warning,
                  fmt::format("anyone who reaches {}:{} can use this server", options.host, server.port()));
  }
  if (stop_signals.wait([&] { reload(server, audit.get()); }) == SIGTERM) {
    server.drain(std::chrono::milliseconds(static_cast<std::int64_t>(1000 * options.drain_seconds)));
  }
  sessions.cancel_all();
  if (jobs) jobs->stop();
  server.stop(std::chrono::seconds(3));
}

void add_serve(CLI::App& app) {
  auto* command = app.add_subcommand("serve", "The server for 3D Slicer and other viewers");
  const auto options = std::make_shared<ServeOptions>();
  add_serve_options(*command, *options);
  command->callback([options] { serve(*options); });
}

}  // namespace sagittal::commands
