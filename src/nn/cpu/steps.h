#pragma once
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "nn/cpu/activation.h"
#include "nn/cpu/conv/shape.h"
#include "nn/cpu/kernels.h"
#include "nn/cpu/program.h"
#include "nn/cpu/tuning.h"
#include "nn/cpu/weights.h"

namespace sagittal::nn::cpu {

/// Where steps are made: the program they join, and what they draw on.
struct Workshop {
  Program& program;
  WeightStore& weights;
  const Kernels& kernels;
  int threads;
  Tuning* tuning = nullptr;  ///< where layers may be computed in several ways
};

/// A convolution as oneDNN describes it. `bias` may be empty. Tensors: input, output, scratchpad.
std::unique_ptr<const Step> make_convolution_step(const dnnl::engine& engine,
                                                  const dnnl::convolution_forward::primitive_desc& description,
                                                  PackedWeights weights, std::vector<float> bias,
                                                  const std::array<TensorId, 3>& tensors);

/// Instance norm and activation of one layer; leaky ReLU as max(x, slope x), so that slope 1 is none.
struct NormOptions {
  double epsilon;
  float slope;
};

// Each function adds one step (or two) to the program and returns what it produces. T is float or Bf16.

/// The run's input [c, d, h, w] as a feature map.
template <class T>
Activation add_input(Workshop& shop, int channels, const SpatialSize& size);

/// What a convolution to `out` is called, and its cost.
StepNote note_of(const std::string& name, const std::vector<int>& inputs, const Activation& out,
                 const SpatialSize& kernel, const std::string& way);

/// Convolution with zero padding (k - 1) / 2; the output has size / stride voxels. `name`: of the parameters, without
/// ".weight".
struct ConvolutionOptions {
  SpatialSize kernel{1, 1, 1};
  SpatialSize stride{1, 1, 1};
  bool bias = false;  ///< add "<name>.bias"
  float slope = 1;    ///< of a leaky ReLU on the result; 1: none
};
template <class T>
Activation add_convolution(Workshop& shop, const Activation& in, const std::string& name, int outputs,
                           const ConvolutionOptions& options);

/// Instance norm's statistics over all voxels, with "<name>.weight" and "<name>.bias" folded in where there are any.
template <class T>
Coefficients add_statistics(Workshop& shop, const Activation& in, const std::string& name, const NormOptions& options);

/// A convolution and the statistics of its result, whose norm is not yet applied.
struct Measured {
  Activation x;
  Coefficients norm;
};
/// Both, in the way that is the fastest here: by oneDNN or a kernel of our own (conv/convolution.h). Inputs may be
/// pending: a norm is applied on the way, or in place before it, and then `in` says so. There is one, or an upsampled
/// one and a skip.
template <class T>
Measured add_measured_convolution(Workshop& shop, std::vector<conv::Input>& in, const std::string& name, int outputs,
                                  const ConvolutionOptions& options, const std::string& norm_name,
                                  const NormOptions& norm);
/// A norm of sums that a convolution left: doubles [ranges][2][stored channels].
Coefficients add_fold(Workshop& shop, const Activation& of, TensorId sums, std::int64_t ranges, const std::string& name,
                      const NormOptions& options);

/// In place: norm, plus the residual (itself normalised where `residual_norm` is given), then the activation.
template <class T>
void add_normalise(Workshop& shop, const Activation& x, const Coefficients& norm, const Activation* residual,
                   const Coefficients* residual_norm, const NormOptions& options);

/// Mean over windows of size and stride `window`.
template <class T>
Activation add_pooling(Workshop& shop, const Activation& in, const SpatialSize& window);

/// The decoder's joint (upsampled, skip) for who reads one map: the transposed convolution is written straight into the
/// left channels of the result, and the skip copied into the right ones.
template <class T>
Activation add_upsampling(Workshop& shop, const Activation& low, const Activation& skip, const conv::Upsampling& up);

/// Norm, activation and the 1x1x1 head of the last feature map, written to the run's logits [class, d, h, w].
template <class T>
void add_head(Workshop& shop, const Activation& x, const Coefficients& norm, const std::string& name, int classes,
              const NormOptions& options);

// Memory-bound layers at full resolution, fused (pointwise_kernels.h). Only for networks that normalise before the
// activation.

/// The run's input [c, d, h, w] through a whole pointwise unit: convolution, norm, activation. "<name>.conv.weight".
template <class T>
Activation add_input_unit(Workshop& shop, int channels, const SpatialSize& size, const std::string& name, int outputs,
                          const NormOptions& options);

struct JointNames {
  std::string upsampling, unit, head;
};
/// Whether `add_joint_head` is made for this and pays.
bool can_join(const Activation& skip, const SpatialSize& stride, int classes);
/// The end of the network where its last unit is pointwise: transposed convolution, joint with the skip, unit and head.
template <class T>
void add_joint_head(Workshop& shop, const Activation& low, const Activation& skip, const SpatialSize& stride,
                    const JointNames& names, int classes, const NormOptions& options);

}  // namespace sagittal::nn::cpu
