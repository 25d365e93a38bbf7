#include "server/api/run_routes.h"

#include "hub/run_inputs.h"
#include "hub/runnable.h"
#include "server/api/forms.h"
#include "server/api/route_table.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;

Response inputs(const JobServices& services, const Request& request) {
  const http::Query query(request.query);
  const Json card = services.hub.card(request.path_values["name"], query_or(query, "source", ""));
  const hub::Runnable model = hub::runnable_of(card);
  RunControl control;
  control.cancel = services.stop;
  Json answer = hub::to_json(hub::run_inputs(services.hub, card, query_or(query, "workflow", ""), control));
  const bool asks =
      model.licence.needed() && !services.memory.accepted(model.name, model.licence.text, request.owner).has_value();
  answer["licence"] = asks ? hub::terms_json(model.licence) : Json();
  return http::json_response(200, answer);
}

Json state_of(const hub::Backend& backend) {
  const auto or_null = [&](const std::string& text) { return backend.works ? Json() : Json(text); };
  return {{"name", backend.name},
          {"available", backend.works},
          {"reason", or_null(backend.found)},
          {"mend", or_null(backend.mend)}};
}

Response backends(const JobServices& services) {
  const std::vector<hub::Backend> all = services.backends.backends();
  Json list = Json::array({state_of({"native", true, true})});
  Json places = Json::array({state_of({"local", true, true})});
  for (const hub::Backend& one : all) (one.name == "slurm" ? places : list).push_back(state_of(one));
  const std::string best = hub::best_backend(all);
  return http::json_response(
      200, {{"backends", std::move(list)}, {"best", best.empty() ? Json() : Json(best)}, {"on", std::move(places)}});
}

}  // namespace

std::vector<http::Route> run_routes(const JobServices& services) {
  RouteTable table;
  http::Route& read = table.add("GET", "/hub/models/{name}/inputs", "What a run of a model is given, and its licence.",
                                [services](const Request& request) { return inputs(services, request); });
  read.run_on = http::RunOn::worker;
  describe(read,
           {.query = {{"workflow", "string", "Of the model; left out: the default one."},
                      {"source", "string", "mhub or local, where both have one of that name."}},
            .answers = {json_answer("HubInputs"),
                        json_answer("Error", 422, "Nobody but the model's own code knows, or it answers prompts.")}});
  http::Route& can = table.add("GET", "/hub/backends", "What runs models here, and why others cannot.",
                               [services](const Request&) { return backends(services); });
  can.run_on = http::RunOn::worker;
  describe(can, {.answers = {json_answer("HubBackends")}});
  return table.take();
}

}  // namespace sagittal::server
