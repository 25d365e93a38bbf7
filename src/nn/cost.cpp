#include "nn/cost.h"

namespace sagittal::nn {
namespace {

double product(const SpatialSize& size) {
  return static_cast<double>(size[0]) * static_cast<double>(size[1]) * static_cast<double>(size[2]);
}

/// All blocks of a stage, per voxel of its output but for the first convolution of a bottleneck, which runs before the
/// stride.
double stage_cost(const UNet& network, const EncoderStage& stage, int in, double voxels) {
  const double taps = product(stage.kernel), out = stage.features, narrow = stage.bottleneck_features;
  double sum = 0;
  for (int block = 0; block < stage.blocks; ++block, in = stage.features) {
    const double before = block == 0 ? product(stage.stride) : 1;
    switch (network.block) {
      case BlockKind::plain:
        sum += voxels * taps * in * out;
        break;
      case BlockKind::basic:
        sum += voxels * taps * (in * out + out * out);
        break;
      case BlockKind::bottleneck:
        sum += voxels * (before * in * narrow + taps * narrow * narrow + narrow * out);
        break;
    }
    if (network.residual() && in != stage.features) sum += voxels * in * out;
  }
  return sum;
}

}  // namespace

double multiply_adds(const UNet& network, const SpatialSize& size) {
  std::vector<double> voxels;
  double here = product(size);
  double sum = 0;
  int in = network.input_channels;
  if (network.residual()) {
    sum += here * product(network.encoder[0].kernel) * in * network.stem_features;
    in = network.stem_features;
  }
  for (const EncoderStage& stage : network.encoder) {
    here /= product(stage.stride);
    voxels.push_back(here);
    sum += stage_cost(network, stage, in, here);
    in = stage.features;
  }
  for (std::size_t s = 0; s < network.decoder_convolutions.size(); ++s) {
    const std::size_t below = network.encoder.size() - 1 - s;
    const double features = network.encoder[below - 1].features;
    const double pair = product(network.decoder_kernel(s)) * features * features;
    sum +=
        voxels[below - 1] * (network.encoder[below].features * features + pair * (network.decoder_convolutions[s] + 1));
  }
  return sum + voxels[0] * network.encoder[0].features * network.output_channels;
}

}  // namespace sagittal::nn
