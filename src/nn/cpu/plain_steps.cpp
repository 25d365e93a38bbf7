#include <algorithm>
#include <array>

#include "nn/cpu/norm.h"
#include "nn/cpu/parallel.h"
#include "nn/cpu/steps.h"

namespace sagittal::nn::cpu {
namespace {

constexpr std::int64_t kVoxelsPerChunk = 16384;

/// Calls `body(first voxel, count)` in parallel.
template <class Body>
void for_voxels(int threads, std::int64_t voxels, Body&& body) {
  parallel_for(threads, (voxels + kVoxelsPerChunk - 1) / kVoxelsPerChunk, [&](std::int64_t i) {
    const std::int64_t begin = i * kVoxelsPerChunk;
    body(begin, std::min(kVoxelsPerChunk, voxels - begin));
  });
}

template <class T>
class InputStep final : public Step {
 public:
  InputStep(const Workshop& shop, const Activation& out)
      : interleave_(table_of<T>(shop.kernels).interleave), out_(out) {}

  void run(const RunContext& context) const override {
    const std::int64_t voxels = out_.voxels();
    const int stored = out_.stored_channels();
    T* out = context.at<T>(out_.tensor);
    for_voxels(context.threads, voxels, [&](std::int64_t begin, std::int64_t count) {
      interleave_(context.input.data() + begin, voxels, out_.groups[0], stored, count, out + begin * stored);
    });
  }

 private:
  void (*interleave_)(const float*, std::int64_t, int, int, std::int64_t, T*);
  Activation out_;
};

template <class T>
class PoolingStep final : public Step {
 public:
  PoolingStep(const Workshop& shop, const Activation& in, const Activation& out, const SpatialSize& window)
      : average_(table_of<T>(shop.kernels).average), in_(in), out_(out), window_(window) {}

  void run(const RunContext& context) const override {
    const T* in = context.at<T>(in_.tensor);
    T* out = context.at<T>(out_.tensor);
    const std::int64_t channels = in_.stored_channels();
    const std::int64_t taps = voxels_of(window_);
    parallel_for(context.threads, out_.size[0] * out_.size[1], [&](std::int64_t row) {
      const std::int64_t d = row / out_.size[1], h = row % out_.size[1];
      std::vector<const T*> sources(static_cast<std::size_t>(taps));
      for (std::int64_t w = 0; w < out_.size[2]; ++w) {
        std::size_t tap = 0;
        for (std::int64_t kd = 0; kd < window_[0]; ++kd) {
          for (std::int64_t kh = 0; kh < window_[1]; ++kh) {
            for (std::int64_t kw = 0; kw < window_[2]; ++kw) {
              const std::int64_t y = (d * window_[0] + kd) * in_.size[1] + h * window_[1] + kh;
              sources[tap++] = in + (y * in_.size[2] + w * window_[2] + kw) * channels;
            }
          }
        }
        average_(sources.data(), static_cast<int>(taps), channels, 1.0F / static_cast<float>(taps),
                 out + (row * out_.size[2] + w) * channels);
      }
    });
  }

 private:
  void (*average_)(const T* const*, int, std::int64_t, float, T*);
  Activation in_, out_;
  SpatialSize window_;
};

template <class T>
class HeadStep final : public Step {
 public:
  HeadStep(const Workshop& shop, const Activation& x, const Coefficients& norm, const std::string& name, int classes,
           const NormOptions& options)
      : head_(table_of<T>(shop.kernels).head), x_(x), norm_(norm), classes_(classes), options_(options) {
    const int channels = x.groups[0];
    const std::vector<float> dense = shop.weights.vector(name + ".weight", classes * channels, 0);
    bias_ = shop.weights.vector(name + ".bias", classes, 0);
    weights_.assign(static_cast<std::size_t>(classes * x.stored_channels()), 0.0F);
    for (int k = 0; k < classes; ++k) {
      std::copy_n(dense.begin() + k * channels, channels, weights_.begin() + k * x.stored_channels());
    }
  }

  void run(const RunContext& context) const override {
    const float* scale = context.at<float>(norm_.tensor);
    const int stored = x_.stored_channels();
    const T* x = context.at<T>(x_.tensor);
    for_voxels(context.threads, x_.voxels(), [&](std::int64_t begin, std::int64_t count) {
      head_({x + begin * stored, count, stored, classes_, scale, scale + norm_.pattern, weights_.data(), bias_.data(),
             options_.slope, context.logits.data() + begin, x_.voxels()});
    });
  }

 private:
  void (*head_)(const HeadArguments<T>&);
  Activation x_;
  Coefficients norm_;
  int classes_;
  NormOptions options_;
  std::vector<float> weights_, bias_;
};

}  // namespace

template <class T>
Activation add_input(Workshop& shop, int channels, const SpatialSize& size) {
  Activation out{TensorId::none, {channels}, size};
  out.tensor = shop.program.add_tensor(static_cast<std::size_t>(out.elements()) * sizeof(T));
  shop.program.add_step(std::make_unique<InputStep<T>>(shop, out), std::array{out.tensor}, {"", "input"});
  return out;
}

template <class T>
Activation add_pooling(Workshop& shop, const Activation& in, const SpatialSize& window) {
  Activation out{TensorId::none, in.groups, in.size};
  for (std::size_t axis = 0; axis < 3; ++axis) out.size[axis] /= window[axis];
  out.tensor = shop.program.add_tensor(static_cast<std::size_t>(out.elements()) * sizeof(T));
  shop.program.add_step(std::make_unique<PoolingStep<T>>(shop, in, out, window), std::array{in.tensor, out.tensor},
                        {"", "pool"});
  return out;
}

template <class T>
void add_head(Workshop& shop, const Activation& x, const Coefficients& norm, const std::string& name, int classes,
              const NormOptions& options) {
  shop.program.add_step(std::make_unique<HeadStep<T>>(shop, x, norm, name, classes, options),
                        std::array{x.tensor, norm.tensor},
                        {name, "head", static_cast<double>(x.voxels()) * x.groups[0] * classes});
}

template Activation add_input<float>(Workshop&, int, const SpatialSize&);
template Activation add_input<Bf16>(Workshop&, int, const SpatialSize&);
template Activation add_pooling<float>(Workshop&, const Activation&, const SpatialSize&);
template Activation add_pooling<Bf16>(Workshop&, const Activation&, const SpatialSize&);
template void add_head<float>(Workshop&, const Activation&, const Coefficients&, const std::string&, int,
                              const NormOptions&);
template void add_head<Bf16>(Workshop&, const Activation&, const Coefficients&, const std::string&, int,
                             const NormOptions&);

}  // namespace sagittal::nn::cpu
