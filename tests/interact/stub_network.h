#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "interact/session.h"

namespace sagittal::interact {

/// What a stub sees in one pass: channel 0 is the image, channel 1 + c interaction channel c.
struct Seen {
  Index3 patch;
  std::span<const float> values;

  std::int64_t voxels() const { return whole(patch).volume(); }
  float at(int channel, const Index3& p) const {
    return values[static_cast<std::size_t>(channel * voxels() + (p[0] * patch[1] + p[1]) * patch[2] + p[2])];
  }
  std::vector<float> channel(int n) const {
    const auto part = values.subspan(static_cast<std::size_t>(n * voxels()), static_cast<std::size_t>(voxels()));
    return {part.begin(), part.end()};
  }
};

/// A network whose answer is a rule per voxel, and which remembers what it was shown.
class StubNetwork : public nn::Network {
 public:
  using Rule = std::function<bool(const Seen&, const Index3&)>;

  StubNetwork(int channels, Rule rule) : channels_(channels), rule_(std::move(rule)) {}

  int input_channels() const override { return channels_; }
  int output_channels() const override { return 2; }
  std::string description() const override { return "stub"; }
  std::string device() const override { return "cpu"; }

  void run(const nn::SpatialSize& size, std::span<const float> input, std::span<float> logits,
           const RunControl& control) const override {
    if (before_run) before_run(static_cast<int>(inputs.size()));
    control.report("stub", 0.5);
    control.check();
    if (remember) inputs.emplace_back(input.begin(), input.end());
    const std::vector<float> values(input.begin(), input.end());  // the logits may lie over it
    const Seen seen{size, values};
    std::size_t v = 0;
    for (std::int64_t i = 0; i < size[0]; ++i) {
      for (std::int64_t j = 0; j < size[1]; ++j) {
        for (std::int64_t k = 0; k < size[2]; ++k, ++v) {
          logits[v] = 0;
          logits[v + logits.size() / 2] = rule_(seen, {i, j, k}) ? 1.0f : -1.0f;
        }
      }
    }
  }

  Seen seen(std::size_t pass, const Index3& patch) const { return {patch, inputs.at(pass)}; }

  std::function<void(int pass)> before_run;
  mutable std::vector<std::vector<float>> inputs;
  bool remember = true;

 private:
  int channels_;
  Rule rule_;
};

/// A session with a stub, and what a test needs around it.
struct StubSession {
  StubSession(const Index3& patch, StubNetwork::Rule rule, const Capabilities& capabilities = {}, int threads = 2,
              SessionOptions options = {})
      : pool(threads),
        network(std::make_shared<StubNetwork>(1 + capabilities.num_interaction_channels, std::move(rule))),
        session(make_model(patch, network, capabilities), pool, std::move(options)) {}

  static std::shared_ptr<const Model> make_model(const Index3& patch, std::shared_ptr<StubNetwork> network,
                                                 const Capabilities& capabilities, const std::string& name = "stub") {
    auto model = std::make_shared<Model>();
    model->name = name;
    model->patch_size = patch;
    model->capabilities = capabilities;
    model->network = std::move(network);
    return model;
  }

  /// An image whose value is `inside` in `object` and about 0.5 elsewhere.
  void set_image(const Index3& shape, const Box& object = {}, float inside = 10) {
    std::vector<float> voxels(static_cast<std::size_t>(whole(shape).volume()));
    std::size_t v = 0;
    for (std::int64_t i = 0; i < shape[0]; ++i) {
      for (std::int64_t j = 0; j < shape[1]; ++j) {
        for (std::int64_t k = 0; k < shape[2]; ++k, ++v) {
          const Box here{{i, j, k}, {i + 1, j + 1, k + 1}};
          voxels[v] = intersect(here, object) == here ? inside : 0.45f + 0.1f * static_cast<float>(v % 2);
        }
      }
    }
    session.set_image(shape, store(voxels));
  }

  std::vector<std::uint8_t> mask() const { return {session.mask().begin(), session.mask().end()}; }
  std::int64_t mask_count() const { return std::count(session.mask().begin(), session.mask().end(), 1); }

  ThreadPool pool;
  std::shared_ptr<StubNetwork> network;
  Session session;
};

inline bool bright(const Seen& seen, const Index3& at) { return seen.at(0, at) > 0.3f; }
inline bool nowhere(const Seen&, const Index3&) { return false; }

inline constexpr Index3 kPatch{16, 16, 16};
inline constexpr Box kObject{{10, 10, 10}, {14, 15, 16}};

/// A mask of `shape` with `box` painted.
inline std::vector<std::uint8_t> painted(const Index3& shape, const Box& box) {
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(whole(shape).volume()));
  for (std::int64_t i = box.lo[0]; i < box.hi[0]; ++i) {
    for (std::int64_t j = box.lo[1]; j < box.hi[1]; ++j) {
      for (std::int64_t k = box.lo[2]; k < box.hi[2]; ++k) {
        mask[static_cast<std::size_t>((i * shape[1] + j) * shape[2] + k)] = 1;
      }
    }
  }
  return mask;
}

}  // namespace sagittal::interact
