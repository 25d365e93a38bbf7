#include "server/api/hub_routes.h"

#include "server/api/forms.h"
#include "server/api/route_table.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;

Response list(hub::Hub& hub, const Request& request) {
  const http::Query fields(request.query);
  const auto field = [&](const char* name) { return query_or(fields, name, ""); };
  return http::json_response(200, hub.list({.text = field("search"),
                                            .modality = field("modality"),
                                            .body_part = field("body_part"),
                                            .structure = field("structure"),
                                            .licence = field("licence"),
                                            .engine = field("engine"),
                                            .source = field("source")}));
}

Response show(hub::Hub& hub, const Request& request) {
  const std::string source = query_or(http::Query(request.query), "source", "");
  return http::json_response(200, hub.card(request.path_values["name"], source));
}

}  // namespace

std::vector<http::Route> hub_routes(hub::Hub& hub) {
  RouteTable table;
  http::Route& all = table.add("GET", "/hub/models", "The models of MHub's list and of this machine.",
                               [&hub](const Request& request) { return list(hub, request); });
  all.run_on = http::RunOn::worker;
  describe(all,
           {.query = {{"search", "string", "Words in name, title, description or structures; best first."},
                      {"modality", "string", "CT, MR, PT, …"},
                      {"body_part", "string", "A part of a body part's name."},
                      {"structure", "string", "SegDB id, words of a name, or code."},
                      {"licence", "string",
                       "Of the weights: commercial, non-commercial, unknown, or how its SPDX id begins."},
                      {"engine", "string", "nnunet_v1, nnunet_v2, totalsegmentator, nninteractive, other or unknown."},
                      {"source", "string", "mhub or local."}},
            .answers = {json_answer("HubModels")}});
  http::Route& one = table.add("GET", "/hub/models/{name}", "Everything that is known of a model.",
                               [&hub](const Request& request) { return show(hub, request); });
  one.run_on = http::RunOn::worker;
  describe(one, {.query = {{"source", "string", "mhub or local, where both have one of that name."}},
                 .answers = {json_answer("HubCard")}});
  return table.take();
}

}  // namespace sagittal::server
