#include "server/state/models.h"

#include <gmock/gmock.h>

#include "expect_error.h"

namespace sagittal::server {
namespace {

Models::Model named(const std::string& name) {
  auto model = std::make_shared<interact::Model>();
  model->name = name;
  return model;
}

TEST(Models, AreFoundByNameAndTheFirstIsTheDefault) {
  const auto a = named("a"), b = named("b");
  const Models models({a, b});
  EXPECT_EQ(models.first(), a);
  EXPECT_EQ(models.find("b"), b);
  EXPECT_EQ(models.find("c"), nullptr);
  EXPECT_EQ(models.names(), "a and b");
  EXPECT_EQ(Models({a, b, named("c")}).names(), "a, b and c");
  EXPECT_EQ(Models(a).names(), "a");
}

TEST(Models, OfOneNameAreRefused) {
  EXPECT_ERROR(Models({named("a"), named("b"), named("a")}), ErrorCode::wrong_usage);
  EXPECT_ERROR(Models(std::vector<Models::Model>()), ErrorCode::wrong_usage);
}

}  // namespace
}  // namespace sagittal::server
