#include "server/api/stream_routes.h"

#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/error.h"
#include "server/api/forms.h"
#include "server/api/route_table.h"
#include "server/api/stream_picture.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;
using stream::RunningPipeline;

constexpr const char* kWhat = "request";
constexpr std::chrono::milliseconds kPeriod{500};
constexpr int kPictureSize = 640;

std::string channel_of(const std::string& id) { return "stream " + id; }

std::string time_text(stream::UtcTime time) {
  const std::time_t seconds = static_cast<std::time_t>(time / 1'000'000'000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(seconds));
}

Json stream_json(RunningPipeline& pipeline) {
  Json json = stream::to_json(pipeline.run().statistics());
  const stream::Outcome* const outcome = pipeline.run().wait_for(std::chrono::nanoseconds(0));
  json["id"] = pipeline.id();
  json["pipeline"] = pipeline.name();
  json["title"] = pipeline.title();
  json["started"] = time_text(pipeline.started());
  json["ended"] = outcome != nullptr;
  json["why"] = outcome != nullptr && !outcome->why.empty() ? Json(outcome->why) : Json();
  json["log"] = pipeline.log();
  return json;
}

class StreamRoutes {
 public:
  explicit StreamRoutes(const StreamServices& services) : services_(services) {}

  Response list(const Request& request) {
    Json streams = Json::array(), pipelines = Json::array();
    for (const auto& pipeline : services_.pipelines.list(request.owner)) {
      Json json = stream_json(*pipeline);
      for (const char* detail : {"operators", "flows", "paths", "log"}) json.erase(detail);
      streams.push_back(std::move(json));
    }
    const stream::PipelineLibrary& library = services_.pipelines.library();
    const bool whole = query_flag(http::Query(request.query), "operators", true);
    for (const auto& entry : library.list()) {
      pipelines.push_back(stream::describe(entry, services_.pipelines.registry(), library.assets()));
      if (!whole) pipelines.back().erase("operators");
    }
    return http::json_response(200, {{"streams", std::move(streams)}, {"pipelines", std::move(pipelines)}});
  }

  Response operators(const Request&) {
    Json operators = Json::array();
    for (const auto& type : services_.pipelines.registry().types()) operators.push_back(stream::describe(type));
    Json commands = Json::array();
    for (const auto& command : stream::control_commands()) commands.push_back(stream::to_json(command));
    return http::json_response(200, {{"operators", std::move(operators)}, {"control_commands", std::move(commands)}});
  }

  Response start(const Request& request) {
    const Json body = body_object(request, 256);
    const auto name = json_get<std::string>(body, "pipeline", kWhat);
    const auto started =
        services_.pipelines.start(name, json_get_or<Json>(body, "parameters", kWhat, Json::object()), request.owner);
    return created("/api/v1/streams/" + started->id(), stream_json(*started));
  }

  Response show(const Request& request) { return http::json_response(200, stream_json(*find(request))); }

  Response remove(const Request& request) {
    services_.pipelines.remove(request.path_values["id"], request.owner);
    Response response;
    response.status = 204;
    return response;
  }

  /// All or none: what was set before one that is refused is set back.
  Response set_parameters(const Request& request) {
    const auto pipeline = find(request);
    const Json body = body_object(request, 256);
    std::vector<std::tuple<std::string, std::string, Json>> before;
    try {
      for (const auto& [op, values] : body.items()) {
        if (!values.is_object()) throw Error(ErrorCode::bad_input, fmt::format("\"{}\": expected a table", op));
        for (const auto& [key, value] : values.items()) {
          Json old = current_value(*pipeline, op, key);
          if (key == "enabled" && old.is_null()) {
            pipeline->run().enable(op, json_get<bool>(values, "enabled", op));
          } else {
            pipeline->run().set_parameter(op, key, value);
            before.emplace_back(op, key, std::move(old));
          }
        }
      }
    } catch (...) {
      for (const auto& [op, key, value] : before) pipeline->run().set_parameter(op, key, value);
      throw;
    }
    return http::json_response(200, stream_json(*pipeline));
  }

  Response command(const Request& request) {
    const auto pipeline = find(request);
    const Json body = body_object(request, 256);
    Json answer = pipeline->run().command(json_get<std::string>(body, "operator", kWhat),
                                          json_get<std::string>(body, "name", kWhat),
                                          json_get_or<Json>(body, "arguments", kWhat, Json::object()));
    return http::json_response(200, {{"answer", std::move(answer)}});
  }

  Response picture(const Request& request) {
    const auto pipeline = find(request);
    const std::int64_t flow = query_number(http::Query(request.query), "flow").value_or(0);
    const auto message = pipeline->run().latest(flow < 0 ? SIZE_MAX : static_cast<std::size_t>(flow));
    const auto* const frame = message ? stream::value_in<stream::Frame>(*message) : nullptr;
    if (frame == nullptr) throw Error(ErrorCode::not_found, "no frame came on this flow yet");
    Response response = http::make_response(200, "image/png", picture_of(*frame, kPictureSize));
    response.headers.push_back({"Cache-Control", "no-store"});
    return response;
  }

  Response events(const Request& request) {
    const auto pipeline = find(request);
    const auto listener = services_.events.listen(pipeline, request.owner);
    const Json hello = stream_json(*pipeline);
    Response response;
    response.status = 101;
    response.on_web_socket = [listener, hello](std::shared_ptr<http::WebSocket> socket) -> std::shared_ptr<void> {
      listener->open(std::move(socket), hello);
      return listener;
    };
    return response;
  }

 private:
  std::shared_ptr<RunningPipeline> find(const Request& request) const {
    return services_.pipelines.find(request.path_values["id"], request.owner);
  }

  static Json current_value(RunningPipeline& pipeline, const std::string& op, const std::string& key) {
    for (const auto& known : pipeline.run().statistics().operators) {
      if (known.name == op) return known.parameters.value(key, Json());
    }
    return {};
  }

  const StreamServices services_;
};

}  // namespace

StreamEvents::StreamEvents(Events& events) : events_(events), thread_([this] { loop(); }) {}

StreamEvents::~StreamEvents() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

std::shared_ptr<Events::Listener> StreamEvents::listen(const std::shared_ptr<RunningPipeline>& pipeline,
                                                       const std::string& owner) {
  auto listener = events_.listen(channel_of(pipeline->id()), owner);
  const std::lock_guard lock(mutex_);
  watched_.emplace(pipeline->id(), pipeline);
  changed_.notify_all();
  return listener;
}

void StreamEvents::loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (watched_.empty()) {
      changed_.wait(lock, [this] { return stopping_ || !watched_.empty(); });
      continue;
    }
    changed_.wait_for(lock, kPeriod, [this] { return stopping_; });
    auto now = watched_;
    lock.unlock();
    std::vector<std::string> over;
    for (const auto& [id, pipeline] : now) {
      const std::string channel = channel_of(id);
      const bool ended = pipeline->has_ended();
      Json state = stream_json(*pipeline);
      state["type"] = "progress";
      events_.publish(channel, state);
      if (ended) events_.publish(channel, {{"type", "closed"}});
      if (ended || !events_.has_listeners(channel)) over.push_back(id);
    }
    now.clear();  // the last to hold a pipeline that was removed waits for its end: not with the lock
    lock.lock();
    for (const std::string& id : over) {
      if (!events_.has_listeners(channel_of(id))) watched_.erase(id);
    }
  }
}

std::vector<http::Route> stream_routes(const StreamServices& services) {
  using S = StreamRoutes;
  const auto streams = std::make_shared<S>(services);
  RouteTable table;
  const auto add = [&](const char* method, const char* path, const char* summary,
                       Response (S::*handler)(const Request&)) -> http::Route& {
    http::Route& route = table.add(
        method, path, summary, [streams, handler](const Request& request) { return ((*streams).*handler)(request); });
    route.run_on = http::RunOn::worker;
    // Not in turn with the same client's predictions.
    route.queue_key = [](const Request& head) { return "streams " + head.path_values["id"]; };
    return route;
  };
  describe(
      add("GET", "/streams",
          "The caller's pipelines that run or ran, newest first, and those there are, with their operators.", &S::list),
      {.query = {{"operators", "boolean", "False: without the operators of the pipelines, for who asks often."}},
       .answers = {json_answer("Streams")}});
  describe(add("GET", "/streams/operators", "The types of operators, with their ports, parameters and commands.",
               &S::operators),
           {.answers = {json_answer("StreamOperators")}});
  http::Route& post = add("POST", "/streams", "Starts a pipeline of this machine.", &S::start);
  post.max_body_bytes = kMaxFormBytes;
  describe(post, {.request = {{"StreamRequest"}}, .answers = {json_answer("Stream", 201)}});
  describe(add("GET", "/streams/{id}", "How a pipeline goes on: operators, flows, latencies.", &S::show),
           {.answers = {json_answer("Stream")}});
  describe(add("DELETE", "/streams/{id}", "Stops a pipeline, and forgets it.", &S::remove),
           {.answers = {empty_answer(204, "It is gone.")}});
  http::Route& patch = add("PATCH", "/streams/{id}/parameters",
                           "Sets parameters of running operators, all or none; \"enabled\" switches one on and off.",
                           &S::set_parameters);
  patch.max_body_bytes = kMaxFormBytes;
  describe(patch, {.request = {{"StreamParameters"}}, .answers = {json_answer("Stream")}});
  http::Route& command =
      add("POST", "/streams/{id}/commands", "Asks an operator for what only it can do.", &S::command);
  command.max_body_bytes = kMaxFormBytes;
  describe(command, {.request = {{"StreamCommand"}}, .answers = {json_answer("StreamAnswer")}});
  describe(add("GET", "/streams/{id}/picture", "The last frame of a flow.", &S::picture),
           {.query = {{"flow", "integer", "Its number in the list of flows, from 0."}},
            .answers = {file_answer("image/png")}});
  http::Route& events =
      add("GET", "/streams/{id}/events", "A WebSocket: how the pipeline goes on, twice a second.", &S::events);
  events.web_socket = "sagittal.v1";
  describe(events, {.answers = {{101, "Texts of JSON: a Stream; {\"type\": \"closed\"} at the end.", {}}}});
  return table.take();
}

}  // namespace sagittal::server
