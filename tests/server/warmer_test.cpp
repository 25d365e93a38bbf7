#include "server/state/warmer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "base/error.h"

namespace sagittal::server {
namespace {

/// Reports forever until it is stopped, or once where `endless` is false.
class WaitingNetwork : public nn::Network {
 public:
  explicit WaitingNetwork(bool endless) : endless_(endless) {}
  int input_channels() const override { return 8; }
  int output_channels() const override { return 2; }
  std::string description() const override { return "waiting"; }
  std::string device() const override { return "cpu"; }
  void run(const nn::SpatialSize& size, std::span<const float> input, std::span<float> logits,
           const RunControl& control) const override {
    EXPECT_EQ(input.size(), 8U * static_cast<std::size_t>(size[0] * size[1] * size[2]));
    EXPECT_EQ(logits.size(), 2U * static_cast<std::size_t>(size[0] * size[1] * size[2]));
    do {
      control.report({}, 0.5);
      ++layers;
      try {
        control.check();
      } catch (const Error&) {
        stopped.set_value();
        throw;
      }
    } while (endless_);
    finished.set_value();
  }
  mutable std::atomic<int> layers = 0;
  mutable std::promise<void> stopped, finished;

 private:
  const bool endless_;
};

std::shared_ptr<interact::Model> model_of(std::shared_ptr<const nn::Network> network) {
  const auto model = std::make_shared<interact::Model>();
  model->patch_size = {4, 6, 8};
  model->network = std::move(network);
  return model;
}

TEST(Warmer, RunsTheNetworkOnceOnOnePatch) {
  const auto network = std::make_shared<WaitingNetwork>(false);
  const Warmer warmer(model_of(network), [] { return false; });
  network->finished.get_future().get();
  EXPECT_EQ(network->layers, 1);
}

TEST(Warmer, StopsBetweenLayersWhereSomeonePredicts) {
  const auto network = std::make_shared<WaitingNetwork>(true);
  const Warmer warmer(model_of(network), [&] { return network->layers > 3; });
  network->stopped.get_future().get();
  EXPECT_EQ(network->layers, 5);
}

TEST(Warmer, StopsWhenTheServerDoes) {
  const auto network = std::make_shared<WaitingNetwork>(true);
  {
    const Warmer warmer(model_of(network), [] { return false; });
  }
  network->stopped.get_future().get();
}

}  // namespace
}  // namespace sagittal::server
