#include "server/api/hub_routes.h"

#include <gtest/gtest.h>

#include "server/api/api_server.h"

namespace sagittal::server {
namespace {

TEST(HubRoutes, TheModelsOfTheMachineAreListed) {
  ApiServer server(false);
  const Json listed = server.ask("GET", "/hub/models?source=local&engine=nninteractive");
  ASSERT_EQ(listed["models"].size(), 1U);
  EXPECT_EQ(listed["models"][0]["name"], "sagittal-small");
  EXPECT_TRUE(listed["synced"].is_null());
  EXPECT_EQ(server.ask("GET", "/hub/models?modality=SM")["models"].size(), 0U);
  EXPECT_EQ(server.ask("GET", "/hub/models/sagittal-small")["licence"]["weights"], "Apache-2.0");
  EXPECT_EQ(server.ask("GET", "/info")["hub"]["models"], 1);
}

TEST(HubRoutes, WhatIsNotThereOrNoQueryIsSaid) {
  ApiServer server(false);
  EXPECT_EQ(server.ask("GET", "/hub/models/none", nullptr, 404)["error"]["code"], "not_found");
  EXPECT_EQ(server.ask("GET", "/hub/models?engine=magic", nullptr, 400)["error"]["code"], "bad_input");
}

}  // namespace
}  // namespace sagittal::server
