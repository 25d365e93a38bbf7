#include "hub/image/image_manifest.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "expect_error.h"
#include "hub/image/registry.h"

namespace sagittal::hub {
namespace {

std::string digest(char c) { return "sha256:" + std::string(64, c); }

std::string manifest(const std::string& layers) {
  return fmt::format(R"({{"schemaVersion":2,"config":{{"digest":"{}","size":7}},"layers":[{}]}})", digest('c'), layers);
}

std::string layer(char c, const std::string& size, const std::string& type = "application/vnd.oci.image.layer.v1.tar") {
  return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":{}}})", type, digest(c), size);
}

TEST(ImageManifest, LayersAreInTheirOrder) {
  const auto read = parse_image_manifest(manifest(layer('1', "10") + "," + layer('2', "20")), "amd64");
  ASSERT_TRUE(read.manifest);
  EXPECT_EQ(read.manifest->config.digest, digest('c'));
  ASSERT_EQ(read.manifest->layers.size(), 2u);
  EXPECT_EQ(read.manifest->layers[1].digest, digest('2'));
  EXPECT_EQ(read.manifest->bytes(), 30u);
}

TEST(ImageManifest, AListNamesTheOneForThisMachine) {
  const auto entry = [](const char* os, const char* architecture, char c) {
    return fmt::format(R"({{"digest":"{}","platform":{{"os":"{}","architecture":"{}"}}}})", digest(c), os,
                       architecture);
  };
  const std::string list =
      fmt::format(R"({{"schemaVersion":2,"manifests":[{{"digest":"x"}},{},{},{}]}})", entry("windows", "amd64", '1'),
                  entry("linux", "arm64", '2'), entry("linux", "amd64", '3'));
  EXPECT_EQ(parse_image_manifest(list, "amd64").digest, digest('3'));
  EXPECT_EQ(parse_image_manifest(list, "arm64").digest, digest('2'));
  EXPECT_ERROR(parse_image_manifest(list, "riscv64"), ErrorCode::unsupported);
}

TEST(ImageManifest, ForgedOnesAreRefused) {
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"schemaVersion":2})"),
        std::string(R"({"schemaVersion":"2"})"), std::string(R"({"schemaVersion":2,"manifests":3})"),
        std::string(R"({"schemaVersion":2,"config":[],"layers":[]})"), manifest("3"), manifest("{}"),
        manifest(layer('x', "10")), manifest(layer('1', "-1")), manifest(layer('1', "1e300")),
        manifest(layer('1', "10.5"))}) {
    EXPECT_ERROR(parse_image_manifest(text, "amd64"), ErrorCode::bad_input);
  }
  EXPECT_ERROR(parse_image_manifest(R"({"schemaVersion":1})", "amd64"), ErrorCode::unsupported);
  EXPECT_ERROR(parse_image_manifest(manifest(layer('1', "10", "x.foreign.tar")), "amd64"), ErrorCode::unsupported);
  EXPECT_ERROR(parse_image_manifest(manifest(layer('1', "999999999999999")), "amd64"), ErrorCode::too_large);
  std::string many = layer('1', "1");
  for (int n = 0; n < 500; ++n) many += "," + layer('1', "1");
  EXPECT_ERROR(parse_image_manifest(manifest(many), "amd64"), ErrorCode::too_large);
}

TEST(ImageConfig, SaysHowToRun) {
  const ImageConfig config = parse_image_config(
      R"({"config":{"Entrypoint":["mhub.run"],"Cmd":["--workflow","default"],"Env":["A=b=c","odd","=x"],"WorkingDir":"/app"}})");
  EXPECT_EQ(config.entry_point, std::vector<std::string>{"mhub.run"});
  EXPECT_EQ(config.environment, std::vector<std::string>{"A=b=c"});
  EXPECT_EQ(image_config_from(to_json(config)).command, config.command);
  EXPECT_EQ(image_config_from(to_json(config)).folder, "/app");
  EXPECT_TRUE(parse_image_config(R"({"config":{"Entrypoint":null,"Cmd":null}})").entry_point.empty());
  EXPECT_TRUE(parse_image_config("{}").command.empty());
  for (const char* text : {"[]", R"({"config":[]})", R"({"config":{"Cmd":"x"}})", R"({"config":{"Cmd":[1]}})",
                           R"({"config":{"Cmd":["a\u0000b"]}})", R"({"config":{"WorkingDir":7}})"}) {
    EXPECT_ERROR(parse_image_config(text), ErrorCode::bad_input);
  }
}

TEST(TokenChallenge, IsRead) {
  const auto read = parse_token_challenge(
      R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io", scope="repository:a/b:pull")");
  EXPECT_EQ(read.realm, "https://auth.docker.io/token");
  EXPECT_EQ(read.service, "registry.docker.io");
  EXPECT_EQ(read.scope, "repository:a/b:pull");
  for (const char* text : {"", "Basic realm=\"x\"", "Bearer", "Bearer realm", "Bearer realm=\"x", "Bearer =\"\""}) {
    EXPECT_TRUE(parse_token_challenge(text).realm.empty()) << text;
  }
}

}  // namespace
}  // namespace sagittal::hub
