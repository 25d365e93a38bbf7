#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "nn/cpu/norm.h"
#include "nn/cpu/parallel.h"
#include "nn/cpu/steps.h"

namespace sagittal::nn::cpu {
namespace {

constexpr std::int64_t kElementsPerRange = 65536;
constexpr std::int64_t kSampledVoxels = 16;

double widen(float x) { return static_cast<double>(x); }
double widen(Bf16 x) { return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16)); }

/// The first `channels` coefficients over the whole pattern.
void repeat(float* scale, float* shift, std::int64_t channels, std::int64_t pattern) {
  for (std::int64_t i = channels; i < pattern; ++i) {
    scale[i] = scale[i - channels];
    shift[i] = shift[i - channels];
  }
}

Coefficients add_coefficients(Workshop& shop, const Activation& in) {
  Coefficients out{TensorId::none, std::lcm<std::int64_t, std::int64_t>(in.stored_channels(), kPatternUnit)};
  out.tensor = shop.program.add_tensor(static_cast<std::size_t>(2 * out.pattern) * sizeof(float));
  return out;
}

/// From sums that the convolution left.
class FoldStep final : public Step {
 public:
  FoldStep(const Activation& of, TensorId sums, std::int64_t ranges, Coefficients out, NormParameters parameters)
      : voxels_(of.voxels()), sums_(sums), ranges_(ranges), out_(out), parameters_(std::move(parameters)) {}

  void run(const RunContext& context) const override {
    float* scale = context.at<float>(out_.tensor);
    float* shift = scale + out_.pattern;
    const std::vector<float> origin(parameters_.channels(), 0.0F);
    parameters_.fold(origin, context.at<double>(sums_), ranges_, voxels_, scale, shift);
    repeat(scale, shift, static_cast<std::int64_t>(parameters_.channels()), out_.pattern);
  }

 private:
  std::int64_t voxels_;
  TensorId sums_;
  std::int64_t ranges_;
  Coefficients out_;
  NormParameters parameters_;
};

template <class T>
class StatisticsStep final : public Step {
 public:
  StatisticsStep(const Workshop& shop, const Activation& in, Coefficients out, TensorId partial,
                 NormParameters parameters)
      : accumulate_(table_of<T>(shop.kernels).accumulate),
        in_(in.tensor),
        voxels_(in.voxels()),
        channels_(in.stored_channels()),
        out_(out),
        partial_(partial),
        ranges_(ranges_of(in, out.pattern)),
        parameters_(std::move(parameters)) {}

  static Ranges ranges_of(const Activation& in, std::int64_t pattern) {
    const std::int64_t channels = in.stored_channels();
    return {in.voxels(), std::max<std::int64_t>(1, kElementsPerRange / channels), pattern / channels};
  }

  void run(const RunContext& context) const override {
    const T* x = context.at<T>(in_);
    double* partial = context.at<double>(partial_);
    const std::vector<float> origin = sample(x);
    parallel_for(context.threads, ranges_.count, [&](std::int64_t range) {
      std::vector<double> sums(static_cast<std::size_t>(2 * out_.pattern), 0.0);
      accumulate_(x + ranges_.begin(range) * channels_, ranges_.size(range) * channels_, out_.pattern, origin.data(),
                  sums.data());
      double* mine = partial + range * 2 * channels_;
      std::fill_n(mine, 2 * channels_, 0.0);
      for (std::int64_t i = 0; i < out_.pattern; ++i) {
        mine[i % channels_] += sums[static_cast<std::size_t>(i)];
        mine[channels_ + i % channels_] += sums[static_cast<std::size_t>(out_.pattern + i)];
      }
    });
    float* scale = context.at<float>(out_.tensor);
    float* shift = scale + out_.pattern;
    parameters_.fold(origin, partial, ranges_.count, voxels_, scale, shift);
    repeat(scale, shift, channels_, out_.pattern);
  }

 private:
  /// A value near each channel's mean, repeated over the pattern: sums of differences from it keep their digits.
  std::vector<float> sample(const T* x) const {
    const std::int64_t samples = std::min(voxels_, kSampledVoxels);
    std::vector<float> origin(static_cast<std::size_t>(out_.pattern));
    for (std::int64_t i = 0; i < out_.pattern; ++i) {
      double sum = 0;
      for (std::int64_t s = 0; s < samples; ++s) sum += widen(x[s * voxels_ / samples * channels_ + i % channels_]);
      origin[static_cast<std::size_t>(i)] = static_cast<float>(sum / static_cast<double>(samples));
    }
    return origin;
  }

  void (*accumulate_)(const T*, std::int64_t, std::int64_t, const float*, double*);
  TensorId in_;
  std::int64_t voxels_;
  std::int64_t channels_;
  Coefficients out_;
  TensorId partial_;
  Ranges ranges_;
  NormParameters parameters_;
};

template <class T>
class NormaliseStep final : public Step {
 public:
  NormaliseStep(const Workshop& shop, const Activation& x, Coefficients norm, TensorId residual,
                Coefficients residual_norm, const NormOptions& options)
      : normalise_(table_of<T>(shop.kernels).normalise),
        x_(x.tensor),
        residual_(residual),
        elements_(x.elements()),
        norm_(norm),
        residual_norm_(residual_norm),
        options_(options) {}

  void run(const RunContext& context) const override {
    T* x = context.at<T>(x_);
    const float* scale = context.at<float>(norm_.tensor);
    const float* residual_scale = nullptr;
    std::vector<float> shift(scale + norm_.pattern, scale + 2 * norm_.pattern);
    if (residual_norm_.tensor != TensorId::none) {
      residual_scale = context.at<float>(residual_norm_.tensor);
      for (std::size_t i = 0; i < shift.size(); ++i) shift[i] += residual_scale[shift.size() + i];
    }
    const T* residual = residual_ == TensorId::none ? nullptr : context.at<T>(residual_);
    const std::int64_t chunk = (kElementsPerRange + norm_.pattern - 1) / norm_.pattern * norm_.pattern;
    parallel_for(context.threads, (elements_ + chunk - 1) / chunk, [&](std::int64_t i) {
      const std::int64_t begin = i * chunk;
      normalise_({x + begin, residual == nullptr ? nullptr : residual + begin, x + begin,
                  std::min(chunk, elements_ - begin), norm_.pattern, scale, shift.data(), residual_scale,
                  options_.slope});
    });
  }

 private:
  void (*normalise_)(const NormaliseArguments<T>&);
  TensorId x_, residual_;
  std::int64_t elements_;
  Coefficients norm_, residual_norm_;
  NormOptions options_;
};

}  // namespace

template <class T>
Coefficients add_statistics(Workshop& shop, const Activation& in, const std::string& name, const NormOptions& options) {
  const Coefficients out = add_coefficients(shop, in);
  const Ranges ranges = StatisticsStep<T>::ranges_of(in, out.pattern);
  const std::int64_t sums = ranges.count * 2 * in.stored_channels();
  const TensorId partial = shop.program.add_tensor(static_cast<std::size_t>(sums) * sizeof(double));
  NormParameters parameters(shop.weights, name, in.groups[0], options.epsilon);
  shop.program.add_step(std::make_unique<StatisticsStep<T>>(shop, in, out, partial, std::move(parameters)),
                        std::array{in.tensor, out.tensor, partial}, {name, "statistics"});
  return out;
}

Coefficients add_fold(Workshop& shop, const Activation& of, TensorId sums, std::int64_t ranges, const std::string& name,
                      const NormOptions& options) {
  const Coefficients out = add_coefficients(shop, of);
  NormParameters parameters(shop.weights, name, of.groups[0], options.epsilon);
  shop.program.add_step(std::make_unique<FoldStep>(of, sums, ranges, out, std::move(parameters)),
                        std::array{sums, out.tensor}, {name, "fold"});
  return out;
}

template <class T>
void add_normalise(Workshop& shop, const Activation& x, const Coefficients& norm, const Activation* residual,
                   const Coefficients* residual_norm, const NormOptions& options) {
  const TensorId residual_tensor = residual == nullptr ? TensorId::none : residual->tensor;
  const Coefficients other = residual_norm == nullptr ? Coefficients{} : *residual_norm;
  shop.program.add_step(std::make_unique<NormaliseStep<T>>(shop, x, norm, residual_tensor, other, options),
                        std::array{x.tensor, norm.tensor, residual_tensor, other.tensor},
                        {"", residual == nullptr ? "normalise" : "normalise and add"});
}

template Coefficients add_statistics<float>(Workshop&, const Activation&, const std::string&, const NormOptions&);
template Coefficients add_statistics<Bf16>(Workshop&, const Activation&, const std::string&, const NormOptions&);
template void add_normalise<float>(Workshop&, const Activation&, const Coefficients&, const Activation*,
                                   const Coefficients*, const NormOptions&);
template void add_normalise<Bf16>(Workshop&, const Activation&, const Coefficients&, const Activation*,
                                  const Coefficients*, const NormOptions&);

}  // namespace sagittal::nn::cpu
