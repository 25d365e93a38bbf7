#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/hub.h"
#include "io/image_io.h"
#include "net/sha256.h"
#include "scratch.h"
#include "server/api/api_image.h"
#include "server/api/native_api.h"
#include "server/prompted.h"

namespace sagittal::server {

/// The reading end of a session's events.
struct ApiReader : http::WebSocket {
  void send(Text text, http::Loss) override { events.push_back(Json::parse(*text)); }
  void close(std::uint16_t code, std::string_view) override { closed = code; }

  std::vector<Json> events;
  int closed = 0;
};

/// For as long as it lives.
struct ApiListener {
  std::shared_ptr<ApiReader> reader = std::make_shared<ApiReader>();
  std::shared_ptr<void> kept;

  const std::vector<Json>& events() const { return reader->events; }
};

/// The native API without sockets, on a disk or in memory; it can be started anew.
class ApiServer {
 public:
  explicit ApiServer(bool on_disk, SessionLimits limits = {}, std::vector<std::string> models = {"stub"})
      : on_disk_(on_disk), limits_(limits), models_(std::move(models)) {
    start();
  }

  void start() {
    running_.reset();
    running_.emplace(*this);
  }
  void start(std::vector<std::string> models) {
    models_ = std::move(models);
    start();
  }

  http::Response send(const std::string& method, const std::string& target, const std::string& body = "",
                      std::vector<http::Header> headers = {}, const std::string& owner = "") {
    return running_->router.handle(make_request(method, target, body, std::move(headers), owner));
  }

  /// A request that has come with its body; what is returned lets it be handled.
  std::function<http::Response()> arrive(const std::string& method, const std::string& target,
                                         const std::string& body = "") {
    auto request = std::make_shared<http::Request>(make_request(method, target, body, {}, ""));
    http::Response failure;
    const http::Route* route = running_->router.find(*request, failure);
    EXPECT_FALSE(route->on_body(*request));
    return [request, route] { return http::call(*route, *request); };
  }

  /// Opens the session's events as a client of that owner does.
  ApiListener listen(const std::string& session, const std::string& owner = "") {
    const http::Response response = send("GET", "/sessions/" + session + "/events", "", {}, owner);
    EXPECT_EQ(response.status, 101) << as_text(response.bytes());
    ApiListener listener;
    if (response.on_web_socket) listener.kept = response.on_web_socket(listener.reader);
    return listener;
  }

  http::Request make_request(const std::string& method, const std::string& target, const std::string& body,
                             std::vector<http::Header> headers, const std::string& owner) const {
    http::Request request;
    request.method = method;
    http::set_target(request, target);
    request.path = "/api/v1" + request.path;
    request.remote_address = address;
    request.owner = owner;
    request.headers = std::move(headers);
    request.body = http::Body::copy_of(as_bytes(body));
    return request;
  }

  /// The JSON of an answer that must have `status`.
  Json ask(const std::string& method, const std::string& target, const Json& body = nullptr, int status = 200,
           const std::string& owner = "") {
    const http::Response response = send(method, target, body.is_null() ? "" : body.dump(), {}, owner);
    EXPECT_EQ(response.status, status) << method << " " << target << ": " << as_text(response.bytes());
    return response.bytes().empty() ? Json() : parse_json(as_text(response.bytes()), "answer");
  }

  static std::string file(int seed = 0) {
    const Bytes bytes = io::encode_image(api_image(seed), "nii.gz");
    return std::string(as_text(bytes));
  }
  std::string upload(const std::string& owner = "", int seed = 0) {
    const http::Response response = send("POST", "/volumes?name=scan.nii.gz", file(seed), {}, owner);
    EXPECT_TRUE(response.status == 201 || response.status == 200) << as_text(response.bytes());
    return parse_json(as_text(response.bytes()), "answer").at("id").get<std::string>();
  }
  std::string open(const std::string& owner = "", int seed = 0) {
    return ask("POST", "/sessions", {{"volume", upload(owner, seed)}}, 201, owner).at("id").get<std::string>();
  }

  /// The default model's.
  interact::StubNetwork& network() { return network(models_.front()); }
  interact::StubNetwork& network(const std::string& model) { return *running_->networks.at(model); }

  const std::vector<http::Route>& routes() const { return running_->router.routes(); }

  std::string address = "10.0.0.1";

 private:
  struct Running {
    explicit Running(ApiServer& server)
        : sessions(make_models(server.models_), pool, server.limits_, std::chrono::steady_clock::now,
                   open_journal(server)),
          leases(sessions, {.max_leases = server.limits_.max_sessions,
                            .liveness = std::chrono::seconds(600),
                            .max_leases_per_owner = server.limits_.max_sessions_per_owner,
                            .kind = "native"}),
          shelf(journal.get(), pool, {.max_per_owner = 4}),
          uploads(journal.get(), {.max_uploads_per_owner = 2}),
          router(described(native_api_routes({.sessions = sessions,
                                              .leases = leases,
                                              .volumes = shelf,
                                              .uploads = uploads,
                                              .metrics = metrics,
                                              .events = &events},
                                             &hub))) {}
    static std::vector<http::Route> described(std::vector<http::Route> routes) {
      routes.push_back(openapi_route(routes));
      return routes;
    }
    Models make_models(const std::vector<std::string>& names) {
      std::vector<Models::Model> models;
      for (const std::string& name : names) {
        networks[name] = std::make_shared<interact::StubNetwork>(8, prompted);
        models.push_back(interact::StubSession::make_model({8, 8, 8}, networks[name], {}, name));
      }
      return Models(std::move(models));
    }
    SessionJournal* open_journal(ApiServer& server) {
      if (!server.on_disk_) return nullptr;
      store = std::make_unique<durable::Store>(server.scratch_ / "data");
      journal = std::make_unique<SessionJournal>(*store, pool, LogSink());
      return journal.get();
    }
    hub::Hub hub{"", {SAGITTAL_SOURCE_DIR "/models"}};
    Events events;
    std::map<std::string, std::shared_ptr<interact::StubNetwork>> networks;
    ThreadPool pool{1};
    std::unique_ptr<durable::Store> store;
    std::unique_ptr<SessionJournal> journal;
    Metrics metrics;
    Sessions sessions;
    Leases leases;
    VolumeShelf shelf;
    VolumeUploads uploads;
    http::Router router;
  };

  const bool on_disk_;
  const SessionLimits limits_;
  std::vector<std::string> models_;
  Scratch scratch_;
  std::optional<Running> running_;
};

}  // namespace sagittal::server
