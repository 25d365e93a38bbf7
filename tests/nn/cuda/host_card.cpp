#include "nn/cuda/host_card.h"

#include <cstring>
#include <utility>

#include "base/error.h"

namespace sagittal::nn::cuda {
namespace {

using Operations = std::vector<std::function<void()>>;

struct HostRecording final : Recording {
  Operations operations;
};

/// Of each of `count` voxels the first channels, without gaps.
std::vector<float> floats(const Half* from, Index count, std::size_t channels, Index pitch) {
  std::vector<float> out;
  out.reserve(static_cast<std::size_t>(count) * channels);
  for (Index voxel = 0; voxel < count; ++voxel) {
    for (std::size_t n = 0; n < channels; ++n) out.push_back(from_half(from[voxel * pitch + static_cast<Index>(n)]));
  }
  return out;
}

/// Weights [out][tap][in] as [tap][in][out].
std::vector<float> by_tap(const std::vector<float>& weights, std::size_t outputs, std::size_t taps_and_inputs) {
  std::vector<float> out(weights.size());
  for (std::size_t o = 0; o < outputs; ++o) {
    for (std::size_t n = 0; n < taps_and_inputs; ++n) out[n * outputs + o] = weights[o * taps_and_inputs + n];
  }
  return out;
}

void convolve_plainly(const Convolution& c, const Half* in, const Half* weights, Half* out) {
  const auto& [depth, height, width] = c.size;
  const auto inputs = static_cast<std::size_t>(c.in_channels), outputs = static_cast<std::size_t>(c.out_channels);
  const Index taps = c.kernel[0] * c.kernel[1] * c.kernel[2];
  const std::size_t rows = static_cast<std::size_t>(taps) * inputs;
  const std::vector<float> all = by_tap(floats(weights, c.out_channels, rows, static_cast<Index>(rows)), outputs, rows);
  const SpatialSize size{depth / c.stride[0], height / c.stride[1], width / c.stride[2]};
  const std::vector<float> map = floats(in, depth * height * width, inputs, c.in_pitch);
  std::vector<float> sum(outputs);
  for (Index voxel = 0; voxel < size[0] * size[1] * size[2]; ++voxel) {
    const SpatialSize at{voxel / (size[1] * size[2]), voxel / size[2] % size[1], voxel % size[2]};
    std::fill(sum.begin(), sum.end(), 0.0F);
    for (Index tap = 0; tap < taps; ++tap) {
      const SpatialSize step{tap / (c.kernel[1] * c.kernel[2]), tap / c.kernel[2] % c.kernel[1], tap % c.kernel[2]};
      SpatialSize from{};
      bool inside = true;
      for (std::size_t axis = 0; axis < 3; ++axis) {
        from[axis] = at[axis] * c.stride[axis] + step[axis] - (c.kernel[axis] - 1) / 2;
        inside = inside && from[axis] >= 0 && from[axis] < c.size[axis];
      }
      if (!inside) continue;
      const float* x = map.data() + ((from[0] * height + from[1]) * width + from[2]) * c.in_channels;
      for (std::size_t i = 0; i < inputs; ++i) {
        const float* row = all.data() + (static_cast<std::size_t>(tap) * inputs + i) * outputs;
        for (std::size_t o = 0; o < outputs; ++o) sum[o] += x[i] * row[o];
      }
    }
    for (std::size_t o = 0; o < outputs; ++o) out[voxel * c.out_pitch + static_cast<Index>(o)] = to_half(sum[o]);
  }
}

class HostQueue final : public Queue {
 public:
  explicit HostQueue(HostCard& card) : card_(card) {}

  void upload(std::byte* to, std::span<const std::byte> from) override {
    ++card_.uploads;
    add([=] { std::memcpy(to, from.data(), from.size()); });
  }
  void download(std::span<std::byte> to, const std::byte* from) override {
    add([=] { std::memcpy(to.data(), from, to.size()); });
  }
  void convolve(const Convolution& convolution, const Half* in, const Half* weights, Half* out,
                std::byte* workspace) override {
    add([=] {
      std::memset(workspace, 0xff, 100);
      convolve_plainly(convolution, in, weights, out);
    });
  }
  void run(const Kernel& kernel) override {
    add([=] {
      std::visit(
          [](const auto& one) {
            for (Index n = 0; n < one.count(); ++n) one(n);
          },
          kernel);
    });
  }
  void wait() override {
    for (const auto& operation : std::exchange(waiting_, {})) operation();
  }
  std::unique_ptr<const Recording> record(const std::function<void()>& enqueue) override {
    ++card_.recordings;
    const Operations before = std::exchange(waiting_, {});
    enqueue();
    auto made = std::make_unique<HostRecording>();
    made->operations = std::exchange(waiting_, before);
    return made;
  }
  void replay(const Recording& recording) override {
    for (const auto& operation : dynamic_cast<const HostRecording&>(recording).operations) add(operation);
  }

 private:
  void add(std::function<void()> operation) { waiting_.push_back(std::move(operation)); }

  HostCard& card_;
  Operations waiting_;
};

}  // namespace

CardMemory HostCard::allocate(std::size_t bytes) {
  if (bytes > *left_) throw Error(ErrorCode::too_large, "the card's memory is short");
  *left_ -= bytes;
  auto* memory = new (std::align_val_t{64}) std::byte[bytes];
  std::memset(memory, 0xff, bytes);
  return {memory, [left = left_, bytes](std::byte* m) {
            ::operator delete[](m, std::align_val_t{64});
            *left += bytes;
          }};
}

std::unique_ptr<Queue> HostCard::make_queue() { return std::make_unique<HostQueue>(*this); }

}  // namespace sagittal::nn::cuda
