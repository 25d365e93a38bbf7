#include "server/api/openapi.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace sagittal::server {
namespace {

constexpr std::string_view kBelow = "/api/v1/";

Json schema_of(const http::RouteDoc::Content& content) {
  if (content.schema.empty()) return {{"type", "string"}, {"format", "binary"}};
  return {{"$ref", "#/components/schemas/" + content.schema}};
}

Json content_of(const std::vector<http::RouteDoc::Content>& forms) {
  Json content = Json::object();
  for (const auto& form : forms) content[form.media_type]["schema"] = schema_of(form);
  return content;
}

void add_parameters(Json& parameters, const std::vector<http::RouteDoc::Field>& fields, const char* place) {
  for (const auto& field : fields) {
    parameters.push_back({{"name", field.name},
                          {"in", place},
                          {"description", field.help},
                          {"required", field.required},
                          {"schema", {{"type", field.type}}}});
  }
}

Json path_parameters(const std::string& path) {
  Json parameters = Json::array();
  for (auto open = path.find('{'); open != std::string::npos; open = path.find('{', open + 1)) {
    const std::size_t begin = open + (path[open + 1] == '+' ? 2 : 1);
    const std::string name = path.substr(begin, path.find('}', open) - begin);
    parameters.push_back({{"name", name},
                          {"in", "path"},
                          {"required", true},
                          {"schema", {{"type", name == "n" ? "integer" : "string"}}}});
  }
  return parameters;
}

/// "post_sessions_id_undo".
std::string operation_id(const http::Route& route) {
  std::string id = route.method;
  std::transform(id.begin(), id.end(), id.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const char c : route.path.substr(kBelow.size() - 1)) {
    if (c == '/' || c == '.') id += '_';
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) id += c;
  }
  return id;
}

Json operation_of(const http::Route& route) {
  const std::string_view rest = std::string_view(route.path).substr(kBelow.size());
  Json parameters = path_parameters(route.path);
  Json operation{{"summary", route.summary},
                 {"operationId", operation_id(route)},
                 {"tags", {std::string(rest.substr(0, rest.find('/')))}}};
  Json answers{{"default",
                {{"description", "What went wrong."},
                 {"content", {{"application/json", {{"schema", {{"$ref", "#/components/schemas/Error"}}}}}}}}}};
  if (route.doc) {
    add_parameters(parameters, route.doc->query, "query");
    add_parameters(parameters, route.doc->headers, "header");
    if (!route.doc->request.empty()) operation["requestBody"] = {{"content", content_of(route.doc->request)}};
    for (const auto& answer : route.doc->answers) {
      Json& described = answers[std::to_string(answer.status)];
      described = {{"description", answer.help.empty() ? route.summary : answer.help}};
      if (!answer.content.empty()) described["content"] = content_of(answer.content);
    }
  }
  operation["parameters"] = std::move(parameters);
  operation["responses"] = std::move(answers);
  return operation;
}

}  // namespace

Json describe_routes(const std::vector<http::Route>& routes) {
  Json paths = Json::object();
  for (const http::Route& route : routes) {
    if (!route.path.starts_with(kBelow)) continue;
    std::string method = route.method;
    std::transform(method.begin(), method.end(), method.begin(), [](unsigned char c) { return std::tolower(c); });
    std::string path = route.path;
    if (const auto plus = path.find("{+"); plus != std::string::npos) path.erase(plus + 1, 1);
    paths[path][method] = operation_of(route);
  }
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "Sagittal"},
            {"version", SAGITTAL_VERSION},
            {"description",
             "Promptable 3D segmentation. Voxel indices are i, j, k of the image, i fastest in memory; bounds are "
             "half-open; masks are bit-packed, i fastest, the first voxel in the highest bit of the first byte."},
            {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
          {"paths", std::move(paths)},
          {"security", {Json::object(), {{"key", Json::array()}}}},
          {"components",
           {{"schemas", api_schemas()}, {"securitySchemes", {{"key", {{"type", "http"}, {"scheme", "bearer"}}}}}}}};
}

}  // namespace sagittal::server
