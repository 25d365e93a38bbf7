#include "server/api/job_routes.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"
#include "hub/jobs/job_folder.h"
#include "hub/runnable.h"
#include "server/api/forms.h"
#include "server/api/job_inputs.h"
#include "server/api/route_table.h"
#include "server/http/file_stream.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;

constexpr const char* kWhat = "request";
constexpr std::uint64_t kMostLogBytes = std::uint64_t{8} << 20;  ///< of one answer

Response not_accepted(const hub::Runnable& model) {
  const std::string message =
      fmt::format("{} may be run once its licence is accepted: {}", model.title, model.licence.text);
  return http::json_response(409, {{"error",
                                    {{"code", "licence_not_accepted"},
                                     {"message", message},
                                     {"details", {{"licence", hub::terms_json(model.licence)}}}}}});
}

const char* content_type_of(const std::string& path) {
  if (path.ends_with(".json")) return "application/json";
  if (path.ends_with(".csv")) return "text/csv; charset=utf-8";
  if (path.ends_with(".dcm")) return "application/dicom";
  return "application/octet-stream";
}

class JobRoutes {
 public:
  explicit JobRoutes(JobServices services) : services_(std::move(services)) {}

  Response list(const Request& request) {
    services_.store.recover();
    Json jobs = Json::array();
    for (const hub::Job& job : services_.store.list(request.owner)) jobs.push_back(hub::job_json(job));
    return http::json_response(200, {{"jobs", std::move(jobs)}});
  }

  Response submit(const Request& request) {
    const Json body = body_object(request, 256);
    const auto text = [&](const char* key) { return json_get_or<std::string>(body, key, kWhat, ""); };
    const hub::Runnable model =
        hub::runnable_of(services_.hub.card(json_get<std::string>(body, "model", kWhat), text("source")));
    const JobInputs inputs(services_, request, body);
    hub::JobStore::Submission submission;
    hub::JobRequest& asked = submission.request;
    asked.model = model.name;
    asked.source = model.source;
    asked.workflow = text("workflow");
    asked.backend = text("backend");
    asked.on = json_get_or<std::string>(body, "on", kWhat, "local");
    asked.inputs = inputs.placeholders();
    asked.limits = services_.limits;
    hub::check(asked);
    if (asked.on == "slurm" && !services_.slurm)
      throw Error(ErrorCode::unsupported, "this server has no cluster to send jobs to");
    const bool agrees = json_get_or<bool>(body, "accept_licence", kWhat, false);
    if (model.licence.needed() && !services_.memory.accepted(model.name, model.licence.text, request.owner)) {
      if (!agrees) return not_accepted(model);
      services_.memory.accept(model.name, model.licence.id, model.licence.text, request.owner);
    }
    submission.owner = request.owner;
    submission.title = model.title;
    submission.inputs = inputs.texts();
    submission.most_unfinished = services_.most_unfinished;
    submission.most_bytes = services_.most_bytes;
    submission.fill = [&](const std::filesystem::path& folder, hub::JobRequest& filled) {
      inputs.write(folder, filled);
    };
    const hub::Job job = services_.store.submit(submission);
    services_.wake();
    return created("/api/v1/jobs/" + job.id, hub::job_json(job));
  }

  Response show(const Request& request) {
    const hub::Job job = find(request);
    Json json = hub::job_json(job);
    json["record"] = hub::has_ended(job.state) ? services_.store.record_of(job.id) : Json();
    return http::json_response(200, json);
  }

  Response remove(const Request& request) {
    const hub::Job job = find(request);
    if (hub::has_ended(job.state)) {
      services_.store.remove(job.id);
      Response response;
      response.status = 204;
      return response;
    }
    services_.store.cancel(job.id);
    services_.wake();
    return http::json_response(202, hub::job_json(services_.store.get(job.id)));
  }

  Response logs(const Request& request) {
    const hub::Job job = find(request);
    const std::int64_t from = query_number(http::Query(request.query), "from").value_or(0);
    if (from < 0) throw Error(ErrorCode::bad_input, "from=: expected a number of bytes");
    std::ifstream in(services_.store.log_of(job.id), std::ios::binary | std::ios::ate);
    const std::int64_t size = in ? static_cast<std::int64_t>(in.tellg()) : 0;
    std::string text(static_cast<std::size_t>(std::clamp<std::int64_t>(size - from, 0, kMostLogBytes)), '\0');
    if (!text.empty()) in.seekg(from).read(text.data(), static_cast<std::streamsize>(text.size()));
    return http::text_response(200, "text/plain; charset=utf-8", text);
  }

  Response output(const Request& request) {
    const hub::Job job = find(request);
    const std::string& path = request.path_values["path"];
    if (job.state != hub::JobState::done) throw Error(ErrorCode::not_found, "the job has no outputs");
    const auto file = hub::output_file(services_.store.folder_of(job.id), path);
    Response response = http::stream_file(file, content_type_of(path), request);
    // Whatever a stranger's model wrote is never a page of this server.
    response.headers.push_back({"Content-Disposition", "attachment"});
    response.headers.push_back({"X-Content-Type-Options", "nosniff"});
    return response;
  }

  Response events(const Request& request) {
    const std::string id = find(request).id;
    const auto listener = services_.events.listen(id, request.owner);
    Response response;
    response.status = 101;
    const Json hello = hub::job_json(services_.store.get(id));  // what changes from here on is told
    response.on_web_socket = [listener, hello](std::shared_ptr<http::WebSocket> socket) -> std::shared_ptr<void> {
      listener->open(std::move(socket), hello);
      return listener;
    };
    return response;
  }

 private:
  hub::Job find(const Request& request) const { return services_.store.get(request.path_values["id"], request.owner); }

  const JobServices services_;
};

}  // namespace

std::vector<http::Route> job_routes(const JobServices& services) {
  using J = JobRoutes;
  const auto jobs = std::make_shared<J>(services);
  RouteTable table;
  const auto add = [&](const char* method, const char* path, const char* summary,
                       Response (J::*handler)(const Request&)) -> http::Route& {
    http::Route& route = table.add(method, path, summary,
                                   [jobs, handler](const Request& request) { return ((*jobs).*handler)(request); });
    route.run_on = http::RunOn::worker;
    return route;
  };
  describe(add("GET", "/jobs", "The caller's runs of models, newest first.", &J::list),
           {.answers = {json_answer("Jobs")}});
  http::Route& post = add("POST", "/jobs", "Runs a model of the hub on scans that are here.", &J::submit);
  post.max_body_bytes = kMaxFormBytes;
  describe(post, {.request = {{"JobRequest"}},
                  .answers = {json_answer("Job", 201),
                              json_answer("Error", 409,
                                          "licence_not_accepted: \"details\" holds the licence; ask again "
                                          "with \"accept_licence\".")}});
  describe(add("GET", "/jobs/{id}", "Describes a job, with how its results were made.", &J::show),
           {.answers = {json_answer("Job")}});
  describe(add("DELETE", "/jobs/{id}", "Cancels a job, or removes one that has ended.", &J::remove),
           {.answers = {json_answer("Job", 202, "It is being stopped."), empty_answer(204, "It is gone.")}});
  describe(add("GET", "/jobs/{id}/logs", "What the model has said.", &J::logs),
           {.query = {{"from", "integer", "Where to begin, in bytes."}}, .answers = {file_answer("text/plain")}});
  describe(add("GET", "/jobs/{id}/outputs/{+path}", "A file of the results.", &J::output),
           {.headers = {{"Range", "string", "bytes=FIRST-LAST: a part of it."}},
            .answers = {file_answer("application/octet-stream"),
                        {206, "The part.", {{"", "application/octet-stream"}}},
                        json_answer("Error", 416, "The range lies outside of the file.")}});
  http::Route& events =
      add("GET", "/jobs/{id}/events", "A WebSocket: each change of the job, and its log.", &J::events);
  events.web_socket = "sagittal.v1";
  describe(events,
           {.answers = {{101, "Texts of JSON: a Job, or {\"log\": a line}; {\"type\": \"closed\"} at the end.", {}}}});
  return table.take();
}

}  // namespace sagittal::server
