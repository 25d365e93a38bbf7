#include <algorithm>
#include <array>

#include "nn/cpu/norm.h"
#include "nn/cpu/parallel.h"
#include "nn/cpu/pointwise_kernels.h"
#include "nn/cpu/steps.h"

namespace sagittal::nn::cpu {
namespace {

constexpr std::int64_t kVoxelsPerRange = 8192;
constexpr std::int64_t kSamples = 16;

template <class T>
const PointwiseTable<T>& pointwise_of(const Kernels& kernels) {
  if constexpr (std::is_same_v<T, float>) {
    return *kernels.pointwise_f32;
  } else {
    return *kernels.pointwise_bf16;
  }
}

struct ScaleAndShift {
  std::vector<float> scale, shift;
};

/// Measures a norm's input by computing it: `accumulate(item, count, origin, sums)` adds `count` items from `item` on.
/// An item is `voxels_per_item` voxels. The first items give a value near the mean, from which differences are summed.
template <class Accumulate>
ScaleAndShift measure(int threads, const NormParameters& norm, const Ranges& ranges, std::int64_t voxels_per_item,
                      Accumulate&& accumulate) {
  const std::size_t channels = norm.channels();
  std::vector<float> origin(channels, 0.0F);
  std::vector<double> sampled(2 * channels, 0.0);
  const std::int64_t samples = std::min(kSamples, ranges.items);
  for (std::int64_t s = 0; s < samples; ++s) accumulate(s * ranges.items / samples, 1, origin.data(), sampled.data());
  for (std::size_t c = 0; c < channels; ++c) {
    origin[c] = static_cast<float>(sampled[c] / static_cast<double>(samples * voxels_per_item));
  }
  std::vector<double> sums(static_cast<std::size_t>(ranges.count) * 2 * channels, 0.0);
  parallel_for(threads, ranges.count, [&](std::int64_t range) {
    accumulate(ranges.begin(range), ranges.size(range), origin.data(),
               sums.data() + static_cast<std::size_t>(range) * 2 * channels);
  });
  ScaleAndShift out{std::vector<float>(channels), std::vector<float>(channels)};
  norm.fold(origin, sums.data(), ranges.count, ranges.items * voxels_per_item, out.scale.data(), out.shift.data());
  return out;
}

template <class T>
class InputUnitStep final : public Step {
 public:
  InputUnitStep(const Workshop& shop, const Activation& out, int inputs, std::vector<float> weights,
                NormParameters norm, float slope)
      : kernels_(pointwise_of<T>(shop.kernels)),
        out_(out),
        inputs_(inputs),
        weights_(std::move(weights)),
        norm_(std::move(norm)),
        slope_(slope),
        ranges_(out.voxels(), kVoxelsPerRange, 1) {}

  void run(const RunContext& context) const override {
    const auto from = [&](std::int64_t voxel) {
      return PlanesPointwise{context.input.data() + voxel, out_.voxels(), inputs_, out_.stored_channels(),
                             weights_.data()};
    };
    const ScaleAndShift norm = measure(context.threads, norm_, ranges_, 1,
                                       [&](std::int64_t voxel, std::int64_t count, const float* origin, double* sums) {
                                         kernels_.planes_statistics(from(voxel), count, origin, sums);
                                       });
    T* out = context.at<T>(out_.tensor);
    parallel_for(context.threads, ranges_.count, [&](std::int64_t range) {
      const std::int64_t voxel = ranges_.begin(range);
      kernels_.planes_normalised(from(voxel), ranges_.size(range), norm.scale.data(), norm.shift.data(), slope_,
                                 out + voxel * out_.stored_channels());
    });
  }

 private:
  const PointwiseTable<T>& kernels_;
  Activation out_;
  int inputs_;
  std::vector<float> weights_;  // [input, output]
  NormParameters norm_;
  float slope_;
  Ranges ranges_;
};

/// The weights of transposed convolution and pointwise convolution, composed.
struct JointWeights {
  std::vector<float> up;    // [window place, low channel, output]
  std::vector<float> skip;  // [skip channel, output]
};

JointWeights compose(const WeightStore& store, const std::string& up_name, const std::string& name, int low,
                     int features, std::int64_t places) {
  const std::vector<float> up = store.values(up_name + ".weight");  // [low, features, places]
  const std::vector<float> point = store.values(name + ".weight");  // [features, 2 * features]
  const std::int64_t outputs = padded(features), inputs = padded(low);
  JointWeights out;
  out.up.assign(static_cast<std::size_t>(places * inputs * outputs), 0.0F);
  out.skip.assign(static_cast<std::size_t>(outputs * outputs), 0.0F);
  for (int o = 0; o < features; ++o) {
    const float* row = point.data() + o * 2 * features;
    for (int c = 0; c < features; ++c) out.skip[static_cast<std::size_t>(c * outputs + o)] = row[features + c];
    for (int c = 0; c < low; ++c) {
      for (std::int64_t place = 0; place < places; ++place) {
        double sum = 0;
        for (int m = 0; m < features; ++m) {
          const float first = up[static_cast<std::size_t>((c * features + m) * places + place)];
          sum += static_cast<double>(first) * static_cast<double>(row[m]);
        }
        out.up[static_cast<std::size_t>((place * inputs + c) * outputs + o)] = static_cast<float>(sum);
      }
    }
  }
  return out;
}

template <class T>
class JointHeadStep final : public Step {
 public:
  struct Parts {
    Activation low, skip;
    SpatialSize stride;
    int classes;
    float slope;
    std::vector<float> head_weights, head_bias;
  };
  JointHeadStep(const Workshop& shop, JointWeights weights, NormParameters norm, Parts parts)
      : kernels_(pointwise_of<T>(shop.kernels)),
        weights_(std::move(weights)),
        norm_(std::move(norm)),
        parts_(std::move(parts)),
        rows_(parts_.skip.size[0] * parts_.skip.size[1],
              std::max<std::int64_t>(1, kVoxelsPerRange / parts_.skip.size[2]), 1) {}

  void run(const RunContext& context) const override {
    const std::int64_t width = parts_.skip.size[2], voxels = parts_.skip.voxels();
    const ScaleAndShift norm = measure(context.threads, norm_, rows_, width,
                                       [&](std::int64_t row, std::int64_t count, const float* origin, double* sums) {
                                         for (std::int64_t i = 0; i < count; ++i) {
                                           kernels_.joint_statistics(row_at(context, row + i), origin, sums);
                                         }
                                       });
    RowHead head{norm.scale.data(),
                 norm.shift.data(),
                 parts_.head_weights.data(),
                 parts_.head_bias.data(),
                 parts_.classes,
                 parts_.slope,
                 nullptr,
                 voxels};
    parallel_for(context.threads, rows_.count, [&](std::int64_t range) {
      RowHead mine = head;
      for (std::int64_t row = rows_.begin(range); row < rows_.begin(range) + rows_.size(range); ++row) {
        mine.logits = context.logits.data() + row * width;
        kernels_.joint_head(row_at(context, row), mine);
      }
    });
  }

 private:
  JointRow<T> row_at(const RunContext& context, std::int64_t row) const {
    const auto [sd, sh, sw] = parts_.stride;
    const std::int64_t d = row / parts_.skip.size[1], h = row % parts_.skip.size[1];
    const std::int64_t low_row = d / sd * parts_.low.size[1] + h / sh;
    const std::int64_t place = (d % sd * sh + h % sh) * sw;
    const int low = parts_.low.stored_channels(), outputs = parts_.skip.stored_channels();
    return {context.at<T>(parts_.low.tensor) + low_row * parts_.low.size[2] * low,
            context.at<T>(parts_.skip.tensor) + row * parts_.skip.size[2] * outputs,
            parts_.low.size[2],
            static_cast<int>(sw),
            low,
            outputs,
            weights_.up.data() + place * low * outputs,
            weights_.skip.data()};
  }

  const PointwiseTable<T>& kernels_;
  JointWeights weights_;
  NormParameters norm_;
  Parts parts_;
  Ranges rows_;
};

}  // namespace

template <class T>
Activation add_input_unit(Workshop& shop, int channels, const SpatialSize& size, const std::string& name, int outputs,
                          const NormOptions& options) {
  Activation out{TensorId::none, {outputs}, size};
  out.tensor = shop.program.add_tensor(static_cast<std::size_t>(out.elements()) * sizeof(T));
  const std::vector<float> dense = shop.weights.values(name + ".conv.weight");  // [outputs, channels]
  std::vector<float> weights(static_cast<std::size_t>(channels * out.stored_channels()), 0.0F);
  for (int o = 0; o < outputs; ++o) {
    for (int c = 0; c < channels; ++c) {
      weights[static_cast<std::size_t>(c * out.stored_channels() + o)] =
          dense[static_cast<std::size_t>(o * channels + c)];
    }
  }
  NormParameters norm(shop.weights, name + ".norm", outputs, options.epsilon);
  shop.program.add_step(
      std::make_unique<InputUnitStep<T>>(shop, out, channels, std::move(weights), std::move(norm), options.slope),
      std::array{out.tensor}, {name, "input unit", static_cast<double>(out.voxels()) * channels * outputs});
  return out;
}

bool can_join(const Activation& skip, const SpatialSize& stride, int classes) {
  constexpr int most_channels = 32;  // beyond, a library's convolution is faster than two passes of these kernels
  return stride[2] <= 2 && classes <= kMaxRowClasses && skip.stored_channels() <= most_channels;
}

template <class T>
void add_joint_head(Workshop& shop, const Activation& low, const Activation& skip, const SpatialSize& stride,
                    const JointNames& names, int classes, const NormOptions& options) {
  const int features = skip.groups[0];
  typename JointHeadStep<T>::Parts parts{low, skip, stride, classes, options.slope, {}, {}};
  const std::vector<float> dense = shop.weights.values(names.head + ".weight");  // [classes, features]
  parts.head_bias = shop.weights.values(names.head + ".bias");
  for (int k = 0; k < classes; ++k) {
    parts.head_weights.insert(parts.head_weights.end(), dense.begin() + k * features,
                              dense.begin() + (k + 1) * features);
    parts.head_weights.resize(static_cast<std::size_t>((k + 1) * padded(features)), 0.0F);
  }
  JointWeights weights =
      compose(shop.weights, names.upsampling, names.unit + ".conv", low.groups[0], features, voxels_of(stride));
  NormParameters norm(shop.weights, names.unit + ".norm", features, options.epsilon);
  shop.program.add_step(std::make_unique<JointHeadStep<T>>(shop, std::move(weights), std::move(norm), std::move(parts)),
                        std::array{low.tensor, skip.tensor},
                        {names.unit, "upsample, join and head",
                         static_cast<double>(skip.voxels()) * features * (low.groups[0] + 2 * features + classes)});
}

template Activation add_input_unit<float>(Workshop&, int, const SpatialSize&, const std::string&, int,
                                          const NormOptions&);
template Activation add_input_unit<Bf16>(Workshop&, int, const SpatialSize&, const std::string&, int,
                                         const NormOptions&);
template void add_joint_head<float>(Workshop&, const Activation&, const Activation&, const SpatialSize&,
                                    const JointNames&, int, const NormOptions&);
template void add_joint_head<Bf16>(Workshop&, const Activation&, const Activation&, const SpatialSize&,
                                   const JointNames&, int, const NormOptions&);

}  // namespace sagittal::nn::cpu
