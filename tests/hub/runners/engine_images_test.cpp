#include "hub/runners/engine_images.h"

#include <gmock/gmock.h>

namespace sagittal::hub {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kId(64, 'a');

TEST(EngineImages, AreReadFromBothEngines) {
  const auto docker = parse_images("sha256:" + kId + " 4096 mhubai/lungmask:latest mhubai/lungmask@sha256:12 \n");
  ASSERT_EQ(docker.size(), 1U);
  EXPECT_EQ(docker[0].id, "sha256:" + kId);
  EXPECT_EQ(docker[0].bytes, 4096U);
  EXPECT_THAT(docker[0].tags, ElementsAre("mhubai/lungmask:latest"));
  EXPECT_THAT(docker[0].pinned, ElementsAre("mhubai/lungmask@sha256:12"));
  EXPECT_EQ(parse_images(kId + " 4096 mhubai/lungmask:latest mhubai/lungmask@sha256:12"), docker) << "Podman";
}

TEST(EngineImages, AreReadAmongWarningsAndForgeries) {
  EXPECT_THAT(parse_images(""), IsEmpty());
  EXPECT_THAT(parse_images("WARN the store is old\nsha256:abc 1\n" + kId + "\n" + kId + " many\n" + kId + " -1\n" +
                           kId + " 99999999999999999999\n"),
              IsEmpty());
  EXPECT_EQ(parse_images(kId + " 1 a:1\n" + kId + " 1 b:1\n").size(), 1U);
  EXPECT_THAT(parse_images(kId + " 1 --all <none>:<none>")[0].tags, IsEmpty()) << "no options, no absent names";
}

TEST(EngineImages, AreCalledByManyNames) {
  const EngineImage image{
      "sha256:" + kId, 1, {"docker.io/mhubai/lungmask:latest"}, {"docker.io/mhubai/lungmask@sha256:12"}};
  for (const std::string& name :
       {std::string("mhubai/lungmask"), std::string("mhubai/lungmask:latest"), std::string("docker.io/mhubai/lungmask"),
        std::string("mhubai/lungmask@sha256:12"), kId, "sha256:" + kId}) {
    EXPECT_TRUE(is_called(image, name)) << name;
  }
  for (const char* name :
       {"", "lungmask", "mhubai/lungmask:2", "ghcr.io/mhubai/lungmask", "mhubai/lungmask@sha256:13"}) {
    EXPECT_FALSE(is_called(image, name)) << name;
  }
  EXPECT_TRUE(is_called({"", 1, {"localhost:5000/a:1"}, {}}, "localhost:5000/a:1"));
  EXPECT_TRUE(is_called({"", 1, {"docker.io/library/busybox:latest"}, {}}, "busybox"));
}

}  // namespace
}  // namespace sagittal::hub
