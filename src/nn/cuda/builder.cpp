#include "nn/cuda/builder.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace sagittal::nn::cuda {
namespace {

constexpr SpatialSize kPoint{1, 1, 1};
constexpr Index kSummedBy = 1 << 17;  ///< threads that a card keeps busy with sums
constexpr Index kLeastPerSum = 64;    ///< voxels
constexpr Index kMerged = 64;         ///< sums that one thread may add up

Index voxels_of(const SpatialSize& size) { return size[0] * size[1] * size[2]; }
Extent extent(const SpatialSize& size) { return {size[0], size[1], size[2]}; }

/// A feature map, or neighbouring channels of a larger one.
struct Map {
  std::size_t tensor = 0;
  int first = 0, pitch = 0;  ///< channels as stored
  std::vector<int> groups;   ///< each padded on its own
  SpatialSize size{};

  int channels() const {
    int sum = 0;
    for (const int group : groups) sum += padded(group);
    return sum;
  }
  int octets() const { return channels() / kOctet; }
  Index voxels() const { return voxels_of(size); }
  Half* in(const Places& at) const { return at.at<Half>(tensor) + first; }
};

/// A convolution's result whose norm is not yet applied.
struct Pending {
  Map map;
  std::size_t norm = 0;  ///< tensor
};

class Builder {
 public:
  Builder(const UNet& network, CardWeights& weights, Card& card) : network_(network), weights_(weights), card_(card) {}
  Program build(const SpatialSize& size);

 private:
  Map new_map(const SpatialSize& size, std::vector<int> groups);
  std::size_t new_floats(Index count) { return program_.add_tensor(static_cast<std::size_t>(count) * sizeof(float)); }
  void add_products(const Map& in, const Map& out, const SpatialSize& kernel, const SpatialSize& stride,
                    const Half* weights);
  std::size_t add_norm(const Map& of, const std::string& name);
  Pending convolve(const Map& in, const std::string& name, int outputs, const SpatialSize& kernel,
                   const SpatialSize& stride);
  Map normalise(const Pending& x, const std::optional<Map>& target = {}, const Map* residual = nullptr,
                const Pending* projected = nullptr);
  Map import_input(const SpatialSize& size);
  Map pool(const Map& in, const SpatialSize& window);
  Map residual_block(const Map& in, const std::string& name, const EncoderStage& stage, const SpatialSize& stride,
                     const std::optional<Map>& target);
  Map encoder_stage(Map x, std::size_t index, const std::optional<Map>& target);
  Pending decoder_stage(const Map& low, const Map& joint, std::size_t index);
  void add_head(const Pending& x, const std::string& name);

  float slope() const { return network_.activation_before_norm ? 1 : static_cast<float>(network_.negative_slope); }

  const UNet& network_;
  CardWeights& weights_;
  Card& card_;
  Program program_;
};

Map Builder::new_map(const SpatialSize& size, std::vector<int> groups) {
  Map map{0, 0, 0, std::move(groups), size};
  map.pitch = map.channels();
  map.tensor = program_.add_tensor(static_cast<std::size_t>(map.voxels() * map.pitch) * sizeof(Half));
  return map;
}

void Builder::add_products(const Map& in, const Map& out, const SpatialSize& kernel, const SpatialSize& stride,
                           const Half* weights) {
  const Convolution convolution{in.size, kernel, stride, in.channels(), out.channels(), in.pitch, out.pitch};
  const std::size_t workspace = program_.add_tensor(card_.workspace_bytes(convolution));
  program_.add_step(
      [=](Queue& queue, const Places& at) {
        queue.convolve(convolution, in.in(at), weights, out.in(at), at.at<std::byte>(workspace));
      },
      {in.tensor, out.tensor, workspace});
}

/// The tensor of an instance norm over all voxels.
std::size_t Builder::add_norm(const Map& of, const std::string& name) {
  const int octets = of.octets(), channels = of.channels();
  const Index voxels = of.voxels();
  const Index parts = std::clamp<Index>(voxels / kLeastPerSum, 1, std::max<Index>(1, kSummedBy / octets));
  const Index merged = (parts + kMerged - 1) / kMerged;
  const std::size_t sums = new_floats(parts * 2 * channels), fewer = new_floats(merged * 2 * channels);
  const std::size_t norm = new_floats(2 * channels);
  const float *gamma = weights_.vector(name + ".weight", channels), *beta = weights_.vector(name + ".bias", channels);
  const double epsilon = network_.norm_epsilon;
  program_.add_step(
      [=](Queue& queue, const Places& at) {
        queue.run(Sums{of.in(at), at.at<float>(sums), voxels, parts, of.pitch, octets});
        queue.run(Merge{at.at<float>(sums), at.at<float>(fewer), parts, merged, 2 * channels});
        queue.run(Fold{at.at<float>(fewer), gamma, beta, at.at<float>(norm), voxels, merged, epsilon, channels});
      },
      {of.tensor, sums, fewer, norm});
  return norm;
}

/// With the bias and the activation before the norm where the network has them there; else a bias cancels.
Pending Builder::convolve(const Map& in, const std::string& name, int outputs, const SpatialSize& kernel,
                          const SpatialSize& stride) {
  const SpatialSize size{in.size[0] / stride[0], in.size[1] / stride[1], in.size[2] / stride[2]};
  const Map out = new_map(size, {outputs});
  add_products(in, out, kernel, stride, weights_.convolution(name + ".conv", outputs, in.groups));
  if (network_.activation_before_norm) {
    const auto before = static_cast<float>(network_.negative_slope);
    const float* bias =
        network_.convolution_bias ? weights_.bias_as_norm(name + ".conv.bias", outputs) : weights_.identity(outputs);
    program_.add_step(
        [=](Queue& queue, const Places& at) {
          queue.run(Normalise{out.in(at), out.in(at), bias, nullptr, nullptr, out.voxels(), out.pitch, out.pitch, 0,
                              out.octets(), before});
        },
        {out.tensor});
  }
  return {out, add_norm(out, name + ".norm")};
}

/// Norm, plus `residual` as it is or `projected` with its norm, and the activation: into `target`, or in place.
Map Builder::normalise(const Pending& x, const std::optional<Map>& target, const Map* residual,
                       const Pending* projected) {
  const Map &in = x.map, out = target.value_or(in);
  const Map other = projected != nullptr ? projected->map : residual != nullptr ? *residual : in;
  const bool with_other = projected != nullptr || residual != nullptr;
  const std::size_t norm = x.norm, other_norm = projected != nullptr ? projected->norm : x.norm;
  const bool normed = projected != nullptr;
  const float after = slope();
  program_.add_step(
      [=](Queue& queue, const Places& at) {
        queue.run(Normalise{in.in(at), out.in(at), at.at<float>(norm), with_other ? other.in(at) : nullptr,
                            normed ? at.at<float>(other_norm) : nullptr, in.voxels(), in.pitch, out.pitch, other.pitch,
                            in.octets(), after});
      },
      {in.tensor, out.tensor, other.tensor, norm, other_norm});
  return out;
}

Map Builder::import_input(const SpatialSize& size) {
  const int channels = network_.input_channels;
  program_.input = new_floats(channels * voxels_of(size));
  const Map map = new_map(size, {channels});
  const std::size_t from = program_.input;
  program_.add_step(
      [=](Queue& queue, const Places& at) {
        queue.run(Import{at.at<float>(from), map.in(at), map.voxels(), channels, map.octets()});
      },
      {from, map.tensor});
  return map;
}

Map Builder::pool(const Map& in, const SpatialSize& window) {
  const Map out = new_map({in.size[0] / window[0], in.size[1] / window[1], in.size[2] / window[2]}, in.groups);
  program_.add_step(
      [=](Queue& queue, const Places& at) {
        queue.run(Pool{in.in(at), out.in(at), extent(out.size), extent(window), in.pitch, out.octets()});
      },
      {in.tensor, out.tensor});
  return out;
}

Map Builder::residual_block(const Map& in, const std::string& name, const EncoderStage& stage,
                            const SpatialSize& stride, const std::optional<Map>& target) {
  Pending main;
  if (network_.block == BlockKind::basic) {
    const Map first = normalise(convolve(in, name + ".conv1", stage.features, stage.kernel, stride));
    main = convolve(first, name + ".conv2", stage.features, stage.kernel, kPoint);
  } else {
    const Map first = normalise(convolve(in, name + ".conv1", stage.bottleneck_features, kPoint, kPoint));
    const Map second = normalise(convolve(first, name + ".conv2", stage.bottleneck_features, stage.kernel, stride));
    main = convolve(second, name + ".conv3", stage.features, kPoint, kPoint);
  }
  const bool pooled = stride != kPoint;
  const Map shortcut = pooled ? pool(in, stride) : in;
  if (in.groups == std::vector<int>{stage.features}) return normalise(main, target, &shortcut);
  const Pending projected = convolve(shortcut, name + (pooled ? ".skip.1" : ".skip.0"), stage.features, kPoint, kPoint);
  return normalise(main, target, nullptr, &projected);
}

Map Builder::encoder_stage(Map x, std::size_t index, const std::optional<Map>& target) {
  const EncoderStage& stage = network_.encoder[index];
  for (int block = 0; block < stage.blocks; ++block) {
    const SpatialSize stride = block == 0 ? stage.stride : kPoint;
    const std::optional<Map> to = block + 1 == stage.blocks ? target : std::nullopt;
    x = network_.residual()
            ? residual_block(x, fmt::format("encoder.stages.{}.blocks.{}", index, block), stage, stride, to)
            : normalise(convolve(x, fmt::format("encoder.stages.{}.0.convs.{}", index, block), stage.features,
                                 stage.kernel, stride),
                        to);
  }
  return x;
}

/// `joint` has the encoder's map in its right group; `low` comes into the left one.
Pending Builder::decoder_stage(const Map& low, const Map& joint, std::size_t index) {
  const EncoderStage& below = network_.encoder[network_.encoder.size() - 1 - index];
  const std::string up = fmt::format("decoder.transpconvs.{}", index);
  const int features = joint.groups[0], octets = padded(features) / kOctet;
  const Map products = new_map(low.size, {static_cast<int>(voxels_of(below.stride)) * padded(features)});
  add_products(low, products, kPoint, kPoint, weights_.upsampling(up, low.groups[0], features));
  const float* bias = network_.convolution_bias ? weights_.vector(up + ".bias", features) : nullptr;
  const Extent stride = extent(below.stride);
  program_.add_step(
      [=](Queue& queue, const Places& at) {
        queue.run(Spread{products.in(at), bias, joint.in(at), extent(low.size), stride, joint.pitch, octets});
      },
      {products.tensor, joint.tensor});
  const SpatialSize& kernel = network_.decoder_kernel(index);
  const auto name = [index](int i) { return fmt::format("decoder.stages.{}.convs.{}", index, i); };
  Pending out = convolve(joint, name(0), features, kernel, kPoint);
  for (int i = 1; i < network_.decoder_convolutions[index]; ++i) {
    out = convolve(normalise(out), name(i), features, kernel, kPoint);
  }
  return out;
}

void Builder::add_head(const Pending& x, const std::string& name) {
  const int classes = network_.output_channels;
  const float *weights = weights_.head(name, classes, x.map.groups[0]), *bias = weights_.head_bias(name, classes);
  program_.logits = new_floats(classes * x.map.voxels());
  const std::size_t logits = program_.logits;
  const float after = slope();
  program_.add_step(
      [=](Queue& queue, const Places& at) {
        queue.run(Head{x.map.in(at), at.at<float>(x.norm), weights, bias, at.at<float>(logits), x.map.voxels(),
                       x.map.pitch, x.map.octets(), classes, after});
      },
      {x.map.tensor, x.norm, logits});
}

Program Builder::build(const SpatialSize& size) {
  const std::size_t stages = network_.encoder.size();
  Map x = import_input(size);
  if (network_.stem_features > 0) {
    x = normalise(convolve(x, "encoder.stem.convs.0", network_.stem_features, network_.encoder[0].kernel, kPoint));
  }
  std::vector<Map> joints;
  SpatialSize here = size;
  for (std::size_t stage = 0; stage + 1 < stages; ++stage) {
    const EncoderStage& made = network_.encoder[stage];
    for (std::size_t axis = 0; axis < 3; ++axis) here[axis] /= made.stride[axis];
    const Map joint = new_map(here, {made.features, made.features});
    const Map right{joint.tensor, padded(made.features), joint.pitch, {made.features}, here};
    x = encoder_stage(x, stage, right);
    joints.push_back(joint);
  }
  x = encoder_stage(x, stages - 1, std::nullopt);
  Pending out;
  for (std::size_t index = 0; index + 1 < stages; ++index) {
    out = decoder_stage(index == 0 ? x : normalise(out), joints[stages - 2 - index], index);
  }
  add_head(out, fmt::format("decoder.seg_layers.{}", stages - 2));
  program_.place();
  weights_.forget_originals();
  return std::move(program_);
}

}  // namespace

Program build_program(const UNet& network, const SpatialSize& size, CardWeights& weights, Card& card) {
  return Builder(network, weights, card).build(size);
}

}  // namespace sagittal::nn::cuda
