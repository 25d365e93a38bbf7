#include "nn/cpu/builder.h"

#include <fmt/format.h>

namespace sagittal::nn::cpu {
namespace {

constexpr SpatialSize kPoint{1, 1, 1};
constexpr std::size_t kLargeMap = std::size_t{256} << 20;  // bytes; a fiftieth of the work saves one that is larger

template <class T>
class Builder {
 public:
  Builder(Workshop& shop, const UNet& network)
      : shop_(shop),
        network_(network),
        slope_before_norm_(network.activation_before_norm ? static_cast<float>(network.negative_slope) : 1),
        options_{network.norm_epsilon, network.activation_before_norm ? 1 : static_cast<float>(network.negative_slope)},
        // A bias right before an instance norm cancels.
        bias_(network.convolution_bias && network.activation_before_norm),
        pointwise_(network.encoder[0].kernel == kPoint && !network.activation_before_norm) {}

  void build(const SpatialSize& size);

 private:
  using Pending = Measured;
  Pending convolve(std::vector<conv::Input> in, const std::string& name, int outputs, const SpatialSize& kernel,
                   const SpatialSize& stride) {
    return add_measured_convolution<T>(shop_, in, name + ".conv", outputs, {kernel, stride, bias_, slope_before_norm_},
                                       name + ".norm", options_);
  }
  Pending convolve(const Activation& in, const std::string& name, int outputs, const SpatialSize& kernel,
                   const SpatialSize& stride) {
    return convolve({plain(in)}, name, outputs, kernel, stride);
  }
  conv::Input input(const Pending& x) const { return {x.x, x.norm, options_.slope}; }
  static conv::Input plain(const Activation& x) { return {x, {}, 1}; }
  Activation normalised(const Pending& x) {
    add_normalise<T>(shop_, x.x, x.norm, nullptr, nullptr, options_);
    return x.x;
  }
  bool computes_stem_twice(const SpatialSize& size) const;
  Activation stem_and_first_block(const SpatialSize& size);
  Activation residual_block(const Activation& in, const std::string& name, const EncoderStage& stage,
                            const SpatialSize& stride);
  Activation first_unit(const SpatialSize& size, const std::string& name, int outputs);
  Activation encoder_stage(Activation x, std::size_t index, int first_block);
  void last_stage(const conv::Input& low, const Activation& skip);
  Pending decoder_stage(conv::Input low, const Activation& skip, std::size_t index);

  Workshop& shop_;
  const UNet& network_;
  float slope_before_norm_;
  NormOptions options_;
  bool bias_;
  bool pointwise_;  // full-resolution layers have 1x1x1 kernels and are fused
};

template <class T>
Activation Builder<T>::residual_block(const Activation& in, const std::string& name, const EncoderStage& stage,
                                      const SpatialSize& stride) {
  Pending main;
  if (network_.block == BlockKind::basic) {
    const Pending first = convolve(in, name + ".conv1", stage.features, stage.kernel, stride);
    main = convolve({input(first)}, name + ".conv2", stage.features, stage.kernel, kPoint);
  } else {
    const Pending first = convolve(in, name + ".conv1", stage.bottleneck_features, kPoint, kPoint);
    const Pending second = convolve({input(first)}, name + ".conv2", stage.bottleneck_features, stage.kernel, stride);
    main = convolve({input(second)}, name + ".conv3", stage.features, kPoint, kPoint);
  }
  const bool pooled = stride != kPoint;
  Activation shortcut = pooled ? add_pooling<T>(shop_, in, stride) : in;
  if (in.groups[0] == stage.features) {
    add_normalise<T>(shop_, main.x, main.norm, &shortcut, nullptr, options_);
  } else {
    const Pending projected =
        convolve(shortcut, name + (pooled ? ".skip.1" : ".skip.0"), stage.features, kPoint, kPoint);
    add_normalise<T>(shop_, main.x, main.norm, &projected.x, &projected.norm, options_);
  }
  return main.x;
}

/// The unit that reads the run's input.
template <class T>
Activation Builder<T>::first_unit(const SpatialSize& size, const std::string& name, int outputs) {
  const SpatialSize& kernel = network_.encoder[0].kernel;
  if (pointwise_) return add_input_unit<T>(shop_, network_.input_channels, size, name, outputs, options_);
  return normalised(convolve(add_input<T>(shop_, network_.input_channels, size), name, outputs, kernel, kPoint));
}

/// Where the first block adds the stem's map as it is, and that is large.
template <class T>
bool Builder<T>::computes_stem_twice(const SpatialSize& size) const {
  const EncoderStage& stage = network_.encoder[0];
  const bool plain_block = network_.residual() && network_.block == BlockKind::basic && stage.stride == kPoint;
  const Activation map{TensorId::none, {stage.features}, size};
  return plain_block && !pointwise_ && network_.stem_features == stage.features &&
         static_cast<std::size_t>(map.elements()) * sizeof(T) > kLargeMap;
}

/// With the stem computed again for the sum at the end, so that two maps of full size live at a time, not three.
template <class T>
Activation Builder<T>::stem_and_first_block(const SpatialSize& size) {
  const EncoderStage& stage = network_.encoder[0];
  const Activation in = add_input<T>(shop_, network_.input_channels, size);
  const auto stem = [&] { return convolve(in, "encoder.stem.convs.0", stage.features, stage.kernel, kPoint); };
  const std::string name = "encoder.stages.0.blocks.0";
  const Pending first = convolve({input(stem())}, name + ".conv1", stage.features, stage.kernel, kPoint);
  const Pending main = convolve({input(first)}, name + ".conv2", stage.features, stage.kernel, kPoint);
  const Activation shortcut = normalised(stem());
  add_normalise<T>(shop_, main.x, main.norm, &shortcut, nullptr, options_);
  return main.x;
}

template <class T>
Activation Builder<T>::encoder_stage(Activation x, std::size_t index, int first_block) {
  const EncoderStage& stage = network_.encoder[index];
  for (int block = first_block; block < stage.blocks; ++block) {
    const SpatialSize stride = block == 0 ? stage.stride : kPoint;
    x = network_.residual() ? residual_block(x, fmt::format("encoder.stages.{}.blocks.{}", index, block), stage, stride)
                            : normalised(convolve(x, fmt::format("encoder.stages.{}.0.convs.{}", index, block),
                                                  stage.features, stage.kernel, stride));
  }
  return x;
}

/// All but the norm of the last convolution, which the next layer or the head applies.
template <class T>
typename Builder<T>::Pending Builder<T>::decoder_stage(conv::Input low, const Activation& skip, std::size_t index) {
  const std::size_t below = network_.encoder.size() - 1 - index;
  const EncoderStage& stage = network_.encoder[below - 1];
  const SpatialSize& kernel = network_.decoder_kernel(index);
  low.up = conv::Upsampling{fmt::format("decoder.transpconvs.{}", index), skip.groups[0],
                            network_.encoder[below].stride, network_.convolution_bias};
  const int last = network_.decoder_convolutions[index] - 1;
  const auto name = [index](int i) { return fmt::format("decoder.stages.{}.convs.{}", index, i); };
  Pending out = convolve({low, plain(skip)}, name(0), stage.features, kernel, kPoint);
  for (int i = 1; i <= last; ++i) out = convolve({input(out)}, name(i), stage.features, kernel, kPoint);
  return out;
}

template <class T>
void Builder<T>::last_stage(const conv::Input& low, const Activation& skip) {
  const std::size_t index = network_.decoder_convolutions.size() - 1;
  const SpatialSize& stride = network_.encoder[1].stride;
  const std::string head = fmt::format("decoder.seg_layers.{}", index);
  const int classes = network_.output_channels;
  const bool joinable = pointwise_ && network_.decoder_kernel(index) == kPoint;
  if (joinable && network_.decoder_convolutions[index] == 1 && can_join(skip, stride, classes)) {
    const JointNames names{fmt::format("decoder.transpconvs.{}", index),
                           fmt::format("decoder.stages.{}.convs.0", index), head};
    if (low.norm.tensor != TensorId::none) add_normalise<T>(shop_, low.map, low.norm, nullptr, nullptr, options_);
    add_joint_head<T>(shop_, low.map, skip, stride, names, classes, options_);
    return;
  }
  const Pending out = decoder_stage(low, skip, index);
  add_head<T>(shop_, out.x, out.norm, head, classes, options_);
}

template <class T>
void Builder<T>::build(const SpatialSize& size) {
  const bool residual = network_.residual();
  const bool twice = computes_stem_twice(size);
  Activation x = twice      ? stem_and_first_block(size)
                 : residual ? first_unit(size, "encoder.stem.convs.0", network_.stem_features)
                            : first_unit(size, "encoder.stages.0.0.convs.0", network_.encoder[0].features);
  std::vector<Activation> skips;
  for (std::size_t stage = 0; stage < network_.encoder.size(); ++stage) {
    x = encoder_stage(x, stage, stage == 0 && (twice || !residual) ? 1 : 0);
    skips.push_back(x);
  }
  const std::size_t last = network_.decoder_convolutions.size() - 1;
  conv::Input low = plain(x);
  for (std::size_t stage = 0; stage < last; ++stage) low = input(decoder_stage(low, skips[last - stage], stage));
  last_stage(low, skips[0]);
}

}  // namespace

template <class T>
void build_network(Workshop& shop, const UNet& network, const SpatialSize& size) {
  Builder<T>(shop, network).build(size);
}

template void build_network<float>(Workshop&, const UNet&, const SpatialSize&);
template void build_network<Bf16>(Workshop&, const UNet&, const SpatialSize&);

}  // namespace sagittal::nn::cpu
