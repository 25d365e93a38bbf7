#include "server/api/native_api.h"

#include <iterator>
#include <memory>

#include "hub/hub.h"
#include "hub/licence.h"
#include "server/api/event_routes.h"
#include "server/api/forms.h"
#include "server/api/hub_routes.h"
#include "server/api/import_routes.h"
#include "server/api/job_routes.h"
#include "server/api/openapi.h"
#include "server/api/prompt_routes.h"
#include "server/api/route_table.h"
#include "server/api/run_routes.h"
#include "server/api/session_routes.h"
#include "server/api/stream_routes.h"
#include "server/api/volume_routes.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;

constexpr std::size_t kMostTerms = 50;

Response terms(const Request& request) {
  Json list = Json::array();
  for (const terms::Term& term : terms::search_terms(query_or(http::Query(request.query), "search", ""))) {
    if (list.size() == kMostTerms) break;
    list.push_back(term_json(term));
  }
  return http::json_response(200, {{"terms", std::move(list)}});
}

Json describe_model(const interact::Model& model) {
  const bool stated = !model.licence.starts_with("!!");
  const hub::Licence licence = stated ? hub::parse_licence(model.licence) : hub::Licence();
  return {{"name", model.name},
          {"licence", stated ? Json(model.licence) : Json()},
          {"licence_id", licence.id.empty() ? Json() : Json(licence.id)},
          {"commercial_use", licence.commercial_use ? Json(*licence.commercial_use) : Json()},
          {"patch_size", {model.patch_size[2], model.patch_size[1], model.patch_size[0]}},
          {"capabilities", describe_prompts(model.capabilities)}};
}

Json describe_models(const Models& models) {
  Json list = Json::array();
  for (const Models::Model& model : models) list.push_back(describe_model(*model));
  return list;
}

Json names_of(const Models& models) {
  Json names = Json::array();
  for (const Models::Model& model : models) names.push_back(model->name);
  return names;
}

Json info(const ApiServices& services, hub::Hub* hub, const JobServices* jobs, bool streams) {
  const interact::Model& model = *services.sessions.model();
  const SessionLimits& limits = services.sessions.limits();
  Json parts = Json::array({"segment"});
  if (hub != nullptr) parts.push_back("hub");
  if (jobs != nullptr) parts.push_back("jobs");
  if (streams) parts.push_back("streams");
  return {{"version", SAGITTAL_VERSION},
          {"models", describe_models(services.sessions.models())},
          {"default_model", model.name},
          {"precision", model.network->description()},
          {"device", model.network->device()},
          {"limits",
           {{"sessions", limits.max_sessions},
            {"sessions_per_owner", limits.max_sessions_per_owner},
            {"volume_bytes", services.volumes.limits().max_file_bytes},
            {"piece_bytes", VolumeUploads::kMinPiece},
            {"keep_seconds", limits.keep_for.count()}}},
          {"capabilities", describe_prompts(model.capabilities)},
          {"parts", std::move(parts)},
          {"hub", hub == nullptr ? Json() : hub->summary()},
          {"jobs", jobs == nullptr ? Json() : Json{{"slurm", jobs->slurm}}}};
}

Json status(const ApiServices& services) {
  const auto whole = [&](const char* gauge) { return static_cast<std::uint64_t>(services.metrics.total(gauge)); };
  return {
      {"sessions", services.leases.count()},
      {"with_image", services.sessions.count()},
      {"max_sessions", services.sessions.limits().max_sessions},
      {"queue", {{"waiting", whole("sagittal_queue_waiting")}, {"running", whole("sagittal_queue_running")}}},
      {"memory", {{"used", services.sessions.memory_bytes()}, {"limit", services.sessions.limits().max_memory_bytes}}},
      {"predictions", whole("sagittal_predictions_total")},
      {"uptime_s", services.metrics.total("sagittal_uptime_seconds")},
      {"models", names_of(services.sessions.models())}};
}

}  // namespace

std::vector<http::Route> native_api_routes(const ApiServices& services, hub::Hub* hub, const JobServices* jobs,
                                           const StreamServices* streams) {
  const auto access = std::make_shared<SessionAccess>(services);
  RouteTable table;
  describe(table.add("GET", "/info", "Version, models, limits and what the model can be prompted with.",
                     [access, hub, jobs, streams](const Request&) {
                       return http::json_response(200, info(access->services(), hub, jobs, streams != nullptr));
                     }),
           {.answers = {json_answer("Info")}});
  describe(table.add("GET", "/status", "Sessions, queue and memory.",
                     [access](const Request&) { return http::json_response(200, status(access->services())); }),
           {.answers = {json_answer("Status")}});
  describe(
      table.add("GET", "/terms", "What segments can be called: names with codes and colours.", terms),
      {.query = {{"search", "string", "Words in id, name, codes or meanings."}}, .answers = {json_answer("Terms")}});
  std::vector<http::Route> routes = table.take();
  for (auto part : {volume_routes(services), session_routes(access), prompt_routes(access), event_routes(access)}) {
    std::move(part.begin(), part.end(), std::back_inserter(routes));
  }
  const auto append = [&routes](std::vector<http::Route> part) {
    std::move(part.begin(), part.end(), std::back_inserter(routes));
  };
  if (hub != nullptr) append(hub_routes(*hub));
  if (jobs != nullptr) {
    append(import_routes(access, jobs->store));
    append(job_routes(*jobs));
    append(run_routes(*jobs));
  }
  if (streams != nullptr) append(stream_routes(*streams));
  return routes;
}

http::Route openapi_route(const std::vector<http::Route>& routes) {
  RouteTable table;
  http::Route& route = table.add("GET", "/openapi.json", "This description, OpenAPI 3.1.", {});
  describe(route, {.answers = {{200, "", {{"Document"}}}}});
  std::vector<http::Route> all = routes;
  all.push_back(route);
  route.handler = [document = describe_routes(all)](const Request&) { return http::json_response(200, document); };
  return table.take()[0];
}

}  // namespace sagittal::server
