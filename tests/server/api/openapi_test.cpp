#include "server/api/openapi.h"

#include <gtest/gtest.h>

#include <set>

#include "server/api/api_server.h"

namespace sagittal::server {
namespace {

/// Every "$ref" in `json`.
void collect_references(const Json& json, std::vector<std::string>& found) {
  if (json.is_object() && json.contains("$ref")) found.push_back(json["$ref"]);
  if (!json.is_structured()) return;
  for (const auto& part : json) collect_references(part, found);
}

TEST(OpenApi, EveryRouteIsDescribed) {
  const ApiServer server(false);
  ASSERT_GT(server.routes().size(), 20U);
  for (const http::Route& route : server.routes()) {
    EXPECT_TRUE(route.path.starts_with("/api/v1/")) << route.path;
    EXPECT_FALSE(route.summary.empty()) << route.path;
    ASSERT_TRUE(route.doc) << route.method << " " << route.path;
    EXPECT_FALSE(route.doc->answers.empty()) << route.path;
    EXPECT_EQ(route.max_body_bytes > 0 && route.method == "PUT", route.method == "PUT") << route.path;
    if (!route.doc->request.empty()) {
      EXPECT_GT(route.max_body_bytes, 0U) << route.path;
    }
  }
}

TEST(OpenApi, TheDocumentNamesEveryRouteOnce) {
  ApiServer server(false);
  const Json document = server.ask("GET", "/openapi.json");
  EXPECT_EQ(document["openapi"], "3.1.0");
  std::size_t operations = 0;
  std::set<std::string> ids;
  for (const auto& [path, methods] : document["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      ++operations;
      ids.insert(operation["operationId"]);
    }
  }
  EXPECT_EQ(operations, server.routes().size());
  EXPECT_EQ(ids.size(), operations);
  EXPECT_EQ(document["paths"]["/api/v1/sessions/{id}/segments/{n}/undo"]["post"]["parameters"].size(), 2U);
}

TEST(OpenApi, EveryReferenceLeadsSomewhere) {
  ApiServer server(false);
  const Json document = server.ask("GET", "/openapi.json");
  std::vector<std::string> references;
  collect_references(document, references);
  EXPECT_GT(references.size(), 50U);
  for (const std::string& reference : references) {
    ASSERT_TRUE(reference.starts_with("#/")) << reference;
    EXPECT_TRUE(document.contains(Json::json_pointer(reference.substr(1)))) << reference;
  }
}

}  // namespace
}  // namespace sagittal::server
