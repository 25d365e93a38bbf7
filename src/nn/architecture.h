#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "nn/network.h"
#include "nn/tensor.h"

namespace sagittal::nn {

enum class BlockKind {
  plain,       ///< stacked convolutions (PlainConvUNet)
  basic,       ///< two convolutions and a shortcut (ResidualEncoderUNet, BasicBlockD)
  bottleneck,  ///< 1 -> k -> 1 convolutions and a shortcut (ResidualEncoderUNet, BottleneckD)
};

/// One resolution of the encoder, highest first. 2D networks have kernel and stride 1 on the first axis.
struct EncoderStage {
  int features = 0;
  SpatialSize kernel{1, 1, 1};  ///< odd on every axis
  SpatialSize stride{1, 1, 1};  ///< of the stage's first block
  int blocks = 1;               ///< convolutions (plain) or residual blocks
  int bottleneck_features = 0;  ///< bottleneck blocks only
};

/// A U-Net of nnU-Net's family: every convolution but the transposed ones and the heads is followed by instance norm
/// and leaky ReLU. The decoder joins (upsampled, skip) and ends in a 1x1x1 head.
struct UNet {
  BlockKind block = BlockKind::plain;
  int dimensions = 3;  ///< 2 or 3
  int input_channels = 1;
  int output_channels = 2;
  int stem_features = 0;  ///< residual encoders start with a stem convolution; 0: none
  std::vector<EncoderStage> encoder;
  std::vector<int> decoder_convolutions;  ///< per decoder stage, lowest resolution first
  bool kernel_of_below = false;           ///< decoder stages have the kernel of the resolution below (Generic_UNet)
  bool convolution_bias = true;
  bool norm_affine = true;
  double norm_epsilon = 1e-5;
  double negative_slope = 0.01;  ///< 0: ReLU
  bool activation_before_norm = false;

  bool residual() const { return block != BlockKind::plain; }
  /// Of decoder stage `index`, lowest resolution first.
  const SpatialSize& decoder_kernel(std::size_t index) const {
    return encoder[encoder.size() - (kernel_of_below ? 1 : 2) - index].kernel;
  }
  /// What every axis of the input must be a multiple of.
  SpatialSize total_stride() const;
};

/// Reads the `architecture` part of a plan, or an old-style configuration without one; `input_channels` and
/// `output_channels` stay as they are. Throws Error(bad_input) for contradictions, Error(unsupported) for layers that
/// this engine does not have.
UNet parse_architecture(const Json& configuration, std::string_view what);

struct Parameter {
  std::string name;  ///< canonical: no `decoder.encoder.` prefix, no `.all_modules.`
  std::vector<std::int64_t> shape;
};
/// Every parameter of the network, in the order of execution.
std::vector<Parameter> parameters_of(const UNet& network);

/// Takes channel counts from the first convolution and the last head. Throws Error(bad_input) where they are missing.
void set_channels_from_weights(UNet& network, const StateDict& weights);

/// Exactly the network's parameters under their canonical names. Throws Error(bad_input) where one is missing, has
/// another shape or type, where a key belongs to no parameter, or where two names of one parameter hold different
/// values.
StateDict select_parameters(const UNet& network, const StateDict& weights);

}  // namespace sagittal::nn
