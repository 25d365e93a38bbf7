#include <algorithm>
#include <array>
#include <numeric>
#include <type_traits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "nn/cpu/onednn.h"
#include "nn/cpu/steps.h"

namespace sagittal::nn::cpu {
namespace {

using dnnl::memory;

template <class T>
constexpr memory::data_type data_type_of() {
  return std::is_same_v<T, float> ? memory::data_type::f32 : memory::data_type::bf16;
}

template <class T>
memory::desc layout_of(const Activation& a) {
  return {{1, a.stored_channels(), a.size[0], a.size[1], a.size[2]}, data_type_of<T>(), memory::format_tag::ndhwc};
}

class ConvolutionStep final : public Step {
 public:
  ConvolutionStep(const dnnl::engine& engine, const dnnl::convolution_forward::primitive_desc& description,
                  PackedWeights weights, std::vector<float> bias, std::array<TensorId, 3> tensors)
      : engine_(engine),
        description_(description),
        primitive_(description),
        weights_(std::move(weights)),
        bias_(std::move(bias)),
        tensors_(tensors) {}

  void run(const RunContext& context) const override {
    const auto [in, out, scratch] = tensors_;
    std::unordered_map<int, memory> arguments{
        {DNNL_ARG_SRC, {description_.src_desc(), engine_, context.at<std::byte>(in)}},
        {DNNL_ARG_DST, {description_.dst_desc(), engine_, context.at<std::byte>(out)}},
        {DNNL_ARG_WEIGHTS, weights_.memory(engine_)},
        {DNNL_ARG_SCRATCHPAD, {description_.scratchpad_desc(), engine_, context.at<std::byte>(scratch)}}};
    if (!bias_.empty()) {
      arguments.emplace(DNNL_ARG_BIAS, memory(description_.bias_desc(), engine_, const_cast<float*>(bias_.data())));
    }
    dnnl::stream stream(engine_);
    primitive_.execute(stream, arguments);
    stream.wait();
  }

 private:
  dnnl::engine engine_;
  dnnl::convolution_forward::primitive_desc description_;
  dnnl::convolution_forward primitive_;
  PackedWeights weights_;
  std::vector<float> bias_;
  std::array<TensorId, 3> tensors_;  // input, output, scratchpad
};

}  // namespace

std::unique_ptr<const Step> make_convolution_step(const dnnl::engine& engine,
                                                  const dnnl::convolution_forward::primitive_desc& description,
                                                  PackedWeights weights, std::vector<float> bias,
                                                  const std::array<TensorId, 3>& tensors) {
  return std::make_unique<ConvolutionStep>(engine, description, std::move(weights), std::move(bias), tensors);
}

StepNote note_of(const std::string& name, const std::vector<int>& inputs, const Activation& out,
                 const SpatialSize& kernel, const std::string& way) {
  const int channels = std::accumulate(inputs.begin(), inputs.end(), 0);
  const double operations = static_cast<double>(out.voxels() * voxels_of(kernel)) * channels * out.groups[0];
  return {name, fmt::format("{} {} to {}, {}", fmt::join(kernel, "x"), fmt::join(inputs, "+"), out.groups[0], way),
          operations};
}

template <class T>
Activation add_convolution(Workshop& shop, const Activation& in, const std::string& name, int outputs,
                           const ConvolutionOptions& options) {
  const SpatialSize &kernel = options.kernel, &stride = options.stride;
  Activation out{TensorId::none, {outputs}, in.size};
  ConvolutionShape shape;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    out.size[axis] = in.size[axis] / stride[axis];
    const std::int64_t before = (kernel[axis] - 1) / 2;
    const std::int64_t covered = (out.size[axis] - 1) * stride[axis] + kernel[axis];
    shape.strides.push_back(stride[axis]);
    shape.padding_before.push_back(before);
    shape.padding_after.push_back(std::max<std::int64_t>(0, covered - in.size[axis] - before));
  }
  shape.input = layout_of<T>(in);
  shape.output = layout_of<T>(out);
  shape.weights = memory::desc({padded(outputs), in.stored_channels(), kernel[0], kernel[1], kernel[2]},
                               data_type_of<T>(), memory::format_tag::any);
  if (options.bias) shape.bias = memory::desc({padded(outputs)}, memory::data_type::f32, memory::format_tag::x);

  shape.slope = options.slope;
  const dnnl::engine& engine = shop.weights.engine();
  const auto description = describe_convolution(engine, shape);
  out.tensor = shop.program.add_tensor(static_cast<std::size_t>(out.elements()) * sizeof(T));
  const TensorId scratch = shop.program.add_tensor(description.scratchpad_desc().get_size());
  PackedWeights weights =
      shop.weights.convolution(name + ".weight", outputs, in.groups, kernel, description.weights_desc());
  std::vector<float> bias_values;
  if (options.bias) bias_values = shop.weights.vector(name + ".bias", outputs, 0);
  const std::array tensors{in.tensor, out.tensor, scratch};
  shop.program.add_step(make_convolution_step(engine, description, std::move(weights), std::move(bias_values), tensors),
                        tensors, note_of(name, in.groups, out, kernel, "oneDNN"));
  return out;
}

template Activation add_convolution<float>(Workshop&, const Activation&, const std::string&, int,
                                           const ConvolutionOptions&);
template Activation add_convolution<Bf16>(Workshop&, const Activation&, const std::string&, int,
                                          const ConvolutionOptions&);

}  // namespace sagittal::nn::cpu
