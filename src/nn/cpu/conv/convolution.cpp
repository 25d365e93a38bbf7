#include "nn/cpu/conv/convolution.h"

#include <algorithm>

#include "nn/cpu/conv/executor.h"
#include "nn/cpu/conv/weight_lines.h"

namespace sagittal::nn::cpu::conv {

constexpr std::size_t kMaxFrequencyBytes = 64 << 20;  // four times the weights: too much memory for the deepest layers

template <class T>
const Method<T>& method_of(const Recipe<T>& recipe) {
  return recipe.algorithm == Algorithm::direct ? direct_method<T>() : winograd_method<T>();
}

template <class T>
bool fits(const Recipe<T>& recipe) {
  const Shape& shape = recipe.shape;
  if (recipe.algorithm == Algorithm::direct) return true;
  const bool plane = shape.kernel[1] == 3 && shape.kernel[2] == 3;
  return recipe.kernels->tile_input != nullptr && weight_bytes(recipe) <= kMaxFrequencyBytes && plane &&
         shape.stride == SpatialSize{1, 1, 1};
}

template <class T>
std::int64_t spaces_of(const Recipe<T>& recipe) {
  return method_of(recipe).partition(recipe).spaces();
}

template <class T>
std::size_t work_bytes(const Recipe<T>& recipe) {
  const Method<T>& method = method_of(recipe);
  return method.work_bytes(recipe) + upsampling_bytes(recipe, method.partition(recipe));
}

template <class T>
std::size_t weight_bytes(const Recipe<T>& recipe) {
  const Shape& shape = recipe.shape;
  const std::int64_t taps = recipe.algorithm == Algorithm::direct
                                ? voxels_of(taps_of(shape, recipe.kernels->block_channels))
                                : shape.kernel[0] * kTileFrequencies;
  const auto blocks = static_cast<std::int64_t>(blocks_of(shape, recipe.kernels->block_channels).size());
  return static_cast<std::size_t>(shape.output_groups() * blocks * taps * kSteps * kGroup * 4);
}

template <class T>
std::shared_ptr<const Buffer> pack_weights(WeightStore& store, const std::string& name, int outputs,
                                           const Recipe<T>& recipe) {
  const bool pairs = recipe.kernels->block_channels == 2 * kSteps;
  const bool winograd = recipe.algorithm == Algorithm::winograd;
  const std::string form = winograd ? "winograd lines" : pairs ? "bf16 lines" : "fp32 lines";
  return store.packed(name, form, weight_bytes(recipe), [&](const std::vector<float>& values) {
    const WeightLines lines(recipe.shape, recipe.kernels->block_channels, outputs, values);
    return winograd ? lines.frequencies() : pairs ? lines.pairs() : lines.floats();
  });
}

template <class T>
std::size_t upsampling_weight_bytes(const Kernels<T>& kernels, const Input& input) {
  const auto blocks = blocks_of(input.map, kernels.block_channels).size();
  const int groups = (padded(input.up->outputs) + kGroup - 1) / kGroup;
  return static_cast<std::size_t>(voxels_of(input.up->stride) * groups * kSteps * kGroup * 4) * blocks;
}

template <class T>
void pack_upsampling(WeightStore& store, const Kernels<T>& kernels, Input& input) {
  Upsampling& up = *input.up;
  const std::int64_t places = voxels_of(up.stride);
  const int outputs = (padded(up.outputs) + kGroup - 1) / kGroup * kGroup, inputs = input.map.groups[0];
  const bool pairs = kernels.block_channels == 2 * kSteps;
  up.weights = store.packed(up.name + ".weight", pairs ? "bf16 lines" : "fp32 lines",
                            upsampling_weight_bytes(kernels, input), [&](const std::vector<float>& from) {
                              // [in, out, place] as a convolution of one voxel with places * outputs outputs
                              std::vector<float> values(static_cast<std::size_t>(places * outputs * inputs), 0.0F);
                              const float* next = from.data();
                              for (int in = 0; in < inputs; ++in) {
                                for (int out = 0; out < up.outputs; ++out) {
                                  for (std::int64_t place = 0; place < places; ++place) {
                                    values[static_cast<std::size_t>((place * outputs + out) * inputs + in)] = *next++;
                                  }
                                }
                              }
                              Shape shape;
                              shape.inputs = {{input.map, {}, 1}};
                              shape.out.groups = {static_cast<int>(places) * outputs};
                              const WeightLines lines(shape, kernels.block_channels, shape.out.groups[0], values);
                              return pairs ? lines.pairs() : lines.floats();
                            });
  up.biases.assign(static_cast<std::size_t>(outputs + kGroup), 0.0F);
  if (!up.biased) return;
  const std::vector<float> values = store.values(up.name + ".bias");
  std::copy(values.begin(), values.end(), up.biases.begin());
}

template <class T>
std::unique_ptr<const Step> make_step(const Recipe<T>& recipe, std::shared_ptr<const Buffer> weights,
                                      std::vector<float> bias, TensorId work, TensorId sums) {
  return method_of(recipe).make(recipe, std::move(weights), std::move(bias), work, sums);
}

#define SAGITTAL_CONVOLUTION(T)                                                                                    \
  template bool fits<T>(const Recipe<T>&);                                                                         \
  template std::int64_t spaces_of<T>(const Recipe<T>&);                                                            \
  template std::size_t work_bytes<T>(const Recipe<T>&);                                                            \
  template std::size_t weight_bytes<T>(const Recipe<T>&);                                                          \
  template std::shared_ptr<const Buffer> pack_weights<T>(WeightStore&, const std::string&, int, const Recipe<T>&); \
  template std::size_t upsampling_weight_bytes<T>(const Kernels<T>&, const Input&);                                \
  template void pack_upsampling<T>(WeightStore&, const Kernels<T>&, Input&);                                       \
  template std::unique_ptr<const Step> make_step<T>(const Recipe<T>&, std::shared_ptr<const Buffer>,               \
                                                    std::vector<float>, TensorId, TensorId);
SAGITTAL_CONVOLUTION(float)
SAGITTAL_CONVOLUTION(Bf16)
#undef SAGITTAL_CONVOLUTION

}  // namespace sagittal::nn::cpu::conv
