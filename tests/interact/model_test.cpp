#include "interact/model.h"

#include <fstream>

#include <gtest/gtest.h>

#include "expect_error.h"
#include "interact/stub_network.h"
#include "scratch.h"

namespace sagittal::interact {
namespace {

class ModelFolder : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder / name) << text; }

  const Scratch scratch;
  const std::filesystem::path& folder = scratch.path();
};

TEST_F(ModelFolder, TheNewCapabilityFileIsPreferred) {
  EXPECT_ERROR(read_capabilities(folder), ErrorCode::not_found);
  write("inference_session_class.json", R"("nnInteractiveInferenceSession")");
  EXPECT_EQ(read_capabilities(folder).interaction_decay, 0.9);
  write("inference_info.json", "{}");
  EXPECT_EQ(read_capabilities(folder).interaction_decay, 0.98);
  write("inference_info.json", "{");
  EXPECT_ERROR(read_capabilities(folder), ErrorCode::bad_input);
}

TEST_F(ModelFolder, AFolderWithoutACheckpointIsNotFound) {
  EXPECT_ERROR(load_model(folder), ErrorCode::not_found);
  write("inference_info.json", "{}");
  EXPECT_ERROR(load_model(folder), ErrorCode::not_found);
}

TEST(Model, MustFitItsNetwork) {
  ThreadPool pool(1);
  const auto open = [&](int channels, const Index3& patch) {
    auto network = std::make_shared<StubNetwork>(channels, nowhere);
    Session session(StubSession::make_model(patch, network, {}), pool);
  };
  EXPECT_NO_THROW(open(8, {16, 16, 16}));
  EXPECT_ERROR(open(7, {16, 16, 16}), ErrorCode::bad_input);
  EXPECT_ERROR(open(9, {16, 16, 16}), ErrorCode::bad_input);
  EXPECT_ERROR(open(8, {16, 0, 16}), ErrorCode::bad_input);
  EXPECT_ERROR(open(8, {16, 100000, 16}), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::interact
