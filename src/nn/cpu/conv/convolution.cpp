#include "nn/cpu/conv/convolution.h"

#include <cstring>

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
  return method_of(recipe).work_bytes(recipe);
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
  return store.packed(name, form, [&](const std::vector<float>& values) {
    const WeightLines lines(recipe.shape, recipe.kernels->block_channels, outputs, values);
    return winograd ? lines.frequencies() : pairs ? lines.pairs() : lines.floats();
  });
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
  template std::unique_ptr<const Step> make_step<T>(const Recipe<T>&, std::shared_ptr<const Buffer>,               \
                                                    std::vector<float>, TensorId, TensorId);
SAGITTAL_CONVOLUTION(float)
SAGITTAL_CONVOLUTION(Bf16)
#undef SAGITTAL_CONVOLUTION

}  // namespace sagittal::nn::cpu::conv
