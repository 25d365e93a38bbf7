#include "nn/convolution_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "nn/cpu/conv/weight_lines.h"

namespace sagittal::nn::cpu::conv {
namespace {

float rounded(float x, float) { return x; }
float rounded(float x, Bf16) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return std::bit_cast<float>((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000U);
}
float stored(float x) { return x; }
float stored(Bf16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16); }
void store(float x, float& to) { to = x; }
void store(float x, Bf16& to) { to = static_cast<Bf16>(std::bit_cast<std::uint32_t>(rounded(x, Bf16{})) >> 16); }

class Noise {
 public:
  float next() {
    state_ = state_ * 1664525 + 1013904223;
    return static_cast<float>(state_ >> 8) * 0x1p-23F - 1.0F;
  }

 private:
  std::uint32_t state_ = 1;
};

/// A problem with memory, and its answer in double precision.
template <class T>
class Case {
 public:
  explicit Case(const Problem& problem) : problem_(problem) {
    for (const auto& groups : problem.inputs) add_input(groups, problem.upsampled_to > 0 && shape_.inputs.empty());
    shape_.kernel = problem.kernel;
    shape_.stride = problem.stride;
    shape_.slope = problem.slope;
    shape_.out.groups = {problem.outputs};
    for (std::size_t axis = 0; axis < 3; ++axis) shape_.out.size[axis] = problem.size[axis] / problem.stride[axis];
    shape_.out.tensor = add_tensor(static_cast<std::size_t>(shape_.out.elements()) * sizeof(T));
    int channels = 0;
    for (const Input& input : shape_.inputs) {
      for (const int group : input.groups()) channels += group;
    }
    weights_.resize(static_cast<std::size_t>(problem.outputs * channels * voxels_of(problem.kernel)));
    for (float& weight : weights_) weight = rounded(noise_.next(), T{});
    if (problem.bias) bias_.resize(static_cast<std::size_t>(shape_.out.stored_channels()), 0.0F);
    for (int i = 0; problem.bias && i < problem.outputs; ++i) bias_[static_cast<std::size_t>(i)] = noise_.next();
  }

  const Shape& shape() const { return shape_; }

  /// Runs the step; gives the largest error, in units of the answer's rms, of its values and of its statistics.
  double error(const Kernels<T>& kernels, Algorithm algorithm, int threads);

 private:
  void add_input(const std::vector<int>& groups, bool upsampled);
  void upsample(Input& input, std::vector<float>& values);
  TensorId add_tensor(std::size_t bytes) {
    tensors_.emplace_back(bytes);
    return static_cast<TensorId>(tensors_.size() - 1);
  }
  template <class U>
  U* at(TensorId id) {
    return reinterpret_cast<U*>(tensors_[static_cast<std::size_t>(id)].data());
  }
  double reference(int output, std::int64_t z, std::int64_t y, std::int64_t x) const;

  Problem problem_;
  Noise noise_;
  Shape shape_;
  std::vector<Buffer> tensors_;
  std::vector<std::vector<float>> values_;  // of each input, [d, h, w, real channels], normalised
  std::vector<float> weights_, bias_;
  StateDict parameters_;  // of what is upsampled
};

template <class T>
void Case<T>::add_input(const std::vector<int>& groups, bool upsampled) {
  Input input;
  input.map = {TensorId::none, groups, problem_.size};
  for (std::size_t axis = 0; upsampled && axis < 3; ++axis) input.map.size[axis] /= problem_.up[axis];
  const int channels = input.map.stored_channels();
  input.map.tensor = add_tensor(static_cast<std::size_t>(input.map.elements()) * sizeof(T));
  std::vector<float> scale(static_cast<std::size_t>(channels), 1.0F), shift(scale.size(), 0.0F);
  if (problem_.normalised) {
    input.slope = 0.01F;
    input.norm = {add_tensor(scale.size() * 2 * sizeof(float)), channels};
    for (std::size_t i = 0; i < scale.size(); ++i) {
      scale[i] = 1 + 0.5F * noise_.next();
      shift[i] = 0.5F * noise_.next();
    }
    std::copy(scale.begin(), scale.end(), at<float>(input.norm.tensor));
    std::copy(shift.begin(), shift.end(), at<float>(input.norm.tensor) + channels);
  }
  std::vector<float>& values = values_.emplace_back();
  T* voxel = at<T>(input.map.tensor);
  for (std::int64_t v = 0; v < input.map.voxels(); ++v) {
    std::size_t c = 0;
    for (const int group : groups) {
      for (int i = 0; i < padded(group); ++i, ++c, ++voxel) {
        store(i < group ? noise_.next() : 0.0F, *voxel);
        float x = stored(*voxel) * scale[c] + shift[c];
        x = std::max(x, x * input.slope);
        if (i < group) values.push_back(problem_.normalised ? x : stored(*voxel));
      }
    }
  }
  if (upsampled) upsample(input, values);
  shape_.inputs.push_back(input);
}

template <class T>
void Case<T>::upsample(Input& input, std::vector<float>& values) {
  const int inputs = input.map.groups[0], outputs = problem_.upsampled_to;
  const SpatialSize &low = input.map.size, &size = problem_.size, &up = problem_.up;
  std::vector<float> weights(static_cast<std::size_t>(inputs * outputs * voxels_of(up)));
  for (float& weight : weights) weight = rounded(noise_.next(), T{});
  std::vector<float> biases(static_cast<std::size_t>(outputs));
  for (float& value : biases) value = noise_.next();
  parameters_.add("up.weight", {inputs, outputs, up[0], up[1], up[2]}, weights);
  parameters_.add("up.bias", {outputs}, biases);
  input.up = Upsampling{"up", outputs, up, true};
  std::vector<float> made;
  for (std::int64_t v = 0; v < voxels_of(size); ++v) {
    const std::int64_t z = v / (size[1] * size[2]), y = v / size[2] % size[1], x = v % size[2];
    const std::int64_t from = (z / up[0] * low[1] + y / up[1]) * low[2] + x / up[2];
    const std::int64_t place = (z % up[0] * up[1] + y % up[1]) * up[2] + x % up[2];
    for (int out = 0; out < outputs; ++out) {
      auto sum = static_cast<double>(biases[static_cast<std::size_t>(out)]);
      for (int in = 0; in < inputs; ++in) {
        sum += static_cast<double>(values[static_cast<std::size_t>(from * inputs + in)]) *
               static_cast<double>(weights[static_cast<std::size_t>((in * outputs + out) * voxels_of(up) + place)]);
      }
      made.push_back(rounded(static_cast<float>(sum), T{}));
    }
  }
  values = std::move(made);
}

template <class T>
double Case<T>::reference(int output, std::int64_t z, std::int64_t y, std::int64_t x) const {
  const auto& [kd, kh, kw] = problem_.kernel;
  const auto& stride = problem_.stride;
  double sum = problem_.bias ? static_cast<double>(bias_[static_cast<std::size_t>(output)]) : 0.0;
  std::size_t channels = 0;
  for (const auto& values : values_) channels += values.size() / static_cast<std::size_t>(voxels_of(problem_.size));
  const float* weights = weights_.data() + static_cast<std::size_t>(output) * channels *
                                               static_cast<std::size_t>(voxels_of(problem_.kernel));
  for (const auto& values : values_) {
    const auto count = static_cast<std::int64_t>(values.size()) / voxels_of(problem_.size);
    for (std::int64_t tap = 0; tap < voxels_of(problem_.kernel); ++tap) {
      const std::int64_t at_z = z * stride[0] + tap / (kh * kw) - (kd - 1) / 2;
      const std::int64_t at_y = y * stride[1] + tap / kw % kh - (kh - 1) / 2;
      const std::int64_t at_x = x * stride[2] + tap % kw - (kw - 1) / 2;
      if (at_z < 0 || at_y < 0 || at_x < 0 || at_z >= problem_.size[0] || at_y >= problem_.size[1] ||
          at_x >= problem_.size[2]) {
        continue;
      }
      const float* voxel = values.data() + ((at_z * problem_.size[1] + at_y) * problem_.size[2] + at_x) * count;
      for (std::int64_t c = 0; c < count; ++c) {
        sum += static_cast<double>(voxel[c]) * static_cast<double>(weights[c * voxels_of(problem_.kernel) + tap]);
      }
    }
    weights += count * voxels_of(problem_.kernel);
  }
  return std::max(sum, sum * static_cast<double>(problem_.slope));
}

template <class T>
double Case<T>::error(const Kernels<T>& kernels, Algorithm algorithm, int threads) {
  Recipe<T> recipe{&kernels, algorithm, shape_};
  WeightStore store(parameters_, dnnl::engine(dnnl::engine::kind::cpu, 0));
  if (problem_.upsampled_to > 0) pack_upsampling(store, kernels, recipe.shape.inputs.front());
  const auto channels = static_cast<std::size_t>(shape_.out.stored_channels());
  const TensorId work = add_tensor(work_bytes(recipe) * static_cast<std::size_t>(threads));
  const auto spaces = static_cast<std::size_t>(spaces_of(recipe));
  const TensorId sums = add_tensor(spaces * 2 * channels * sizeof(double));
  for (const TensorId id : {work, sums, shape_.out.tensor}) {
    std::fill_n(at<std::byte>(id), tensors_[static_cast<std::size_t>(id)].size(), std::byte{0xff});  // NaN
  }
  const WeightLines lines(shape_, kernels.block_channels, problem_.outputs, weights_);
  const auto weights = std::make_shared<const Buffer>(algorithm == Algorithm::winograd ? lines.frequencies()
                                                      : kernels.block_channels == 32   ? lines.pairs()
                                                                                       : lines.floats());
  std::vector<std::size_t> offsets;
  for (const Buffer& tensor : tensors_) offsets.push_back(static_cast<std::size_t>(tensor.data() - tensors_[0].data()));
  make_step(recipe, weights, bias_, work, sums)->run({tensors_[0].data(), offsets.data(), threads, {}, {}});

  const SpatialSize& size = shape_.out.size;
  double worst = 0, power = 0;
  for (int c = 0; c < static_cast<int>(channels); ++c) {
    double sum = 0, square = 0;
    for (std::int64_t v = 0; v < voxels_of(size); ++v) {
      const double expected =
          c < problem_.outputs ? reference(c, v / (size[1] * size[2]), v / size[2] % size[1], v % size[2]) : 0;
      const double got = static_cast<double>(
          stored(at<T>(shape_.out.tensor)[static_cast<std::size_t>(v) * channels + static_cast<std::size_t>(c)]));
      worst = got == got ? std::max(worst, std::abs(got - expected)) : 1e30;
      sum += expected;
      square += expected * expected;
    }
    power += square;
    for (std::size_t s = 0; s < spaces; ++s) {
      sum -= at<double>(sums)[s * 2 * channels + static_cast<std::size_t>(c)];
      square -= at<double>(sums)[(s * 2 + 1) * channels + static_cast<std::size_t>(c)];
    }
    const auto count = static_cast<double>(voxels_of(size));
    worst = std::max({worst, std::abs(sum) / count, std::abs(square) / count / 10});
  }
  return worst / std::sqrt(power / static_cast<double>(voxels_of(size) * problem_.outputs));
}

}  // namespace

const std::vector<Problem>& problems() {
  static const std::vector<Problem> all{
      {{{8}}, 8, {1, 1, 1}},
      {{{8}}, 32, {3, 5, 7}},
      {{{7}}, 40, {3, 9, 33}},
      {{{8}}, 16, {2, 4, 6}, {3, 3, 3}, {1, 1, 1}, true},
      {{{24}}, 40, {4, 9, 17}},
      {{{16}}, 24, {5, 6, 50}, {3, 3, 3}, {1, 1, 1}, true},
      {{{30, 32}}, 30, {4, 10, 12}, {3, 3, 3}, {1, 1, 1}, true, 0.01F},
      {{{32}, {48}}, 72, {6, 8, 8}, {3, 3, 3}, {1, 1, 1}, true},
      {{{32}}, 64, {12, 12, 12}, {3, 3, 3}, {1, 1, 1}, false, 0.1F, true},
      {{{32}}, 48, {6, 12, 20}, {3, 3, 3}, {2, 2, 2}},
      {{{40}}, 16, {4, 10, 16}, {1, 3, 3}, {1, 2, 2}, true},
      {{{16}}, 16, {6, 33, 70}, {1, 3, 3}},
      {{{16}}, 16, {6, 8, 9}, {3, 1, 1}, {2, 1, 1}},
      {{{64}}, 32, {3, 4, 6}, {1, 1, 1}},
      {{{16}}, 16, {2, 6, 6}, {1, 1, 1}, {1, 2, 2}},
      {{{16}}, 16, {7, 9, 11}, {5, 5, 7}, {1, 1, 1}},
      {{{320}}, 24, {2, 4, 5}},
      {{{48}, {24}}, 24, {6, 12, 20}, {3, 3, 3}, {1, 1, 1}, true, 1, false, 24, {2, 2, 2}},
      {{{64}, {32}}, 32, {4, 34, 70}, {3, 3, 3}, {1, 1, 1}, false, 1, false, 32, {2, 2, 2}},
      {{{40}, {8}}, 16, {5, 9, 212}, {1, 3, 3}, {1, 1, 1}, true, 0.1F, true, 40, {1, 3, 2}},
  };
  return all;
}

template <class T>
double error_of(const Problem& problem, const Kernels<T>& kernels, Algorithm algorithm, int threads) {
  return Case<T>(problem).error(kernels, algorithm, threads);
}

template <class T>
void check(const Kernels<T>& kernels, Algorithm algorithm, double bound) {
  for (const Problem& problem : problems()) {
    if (!fits(Recipe<T>{&kernels, algorithm, Case<T>(problem).shape()})) continue;
    const int layers = problem.upsampled_to > 0 ? 2 : 1;
    EXPECT_LE(error_of(problem, kernels, algorithm, 2), layers * bound) << fmt::format(
        "{}: {} to {} channels, {}, kernel {}, stride {}", kernels.name, fmt::join(problem.inputs[0], "+"),
        problem.outputs, problem.size, problem.kernel, problem.stride);
  }
}

template double error_of(const Problem&, const Kernels<float>&, Algorithm, int);
template double error_of(const Problem&, const Kernels<Bf16>&, Algorithm, int);
template void check(const Kernels<float>&, Algorithm, double);
template void check(const Kernels<Bf16>&, Algorithm, double);

}  // namespace sagittal::nn::cpu::conv
