#pragma once
#include <memory>
#include <string>

#include "nn/cpu/conv/kernels.h"
#include "nn/cpu/conv/shape.h"
#include "nn/cpu/program.h"
#include "nn/cpu/weights.h"

namespace sagittal::nn::cpu::conv {

enum class Algorithm { direct, winograd };

/// A convolution of our own and what it draws on. Layouts are the engine's: feature maps [d, h, w, c].
template <class T>
struct Recipe {
  const Kernels<T>* kernels;
  Algorithm algorithm;
  Shape shape;
};

/// Whether the recipe can be cooked: Winograd needs float lines, a 3x3 kernel in the plane and stride 1 there.
template <class T>
bool fits(const Recipe<T>& recipe);

/// Slabs over whose sums the statistics of the result are split: doubles [spaces][2][stored channels], of x and x * x.
template <class T>
std::int64_t spaces_of(const Recipe<T>& recipe);

/// Bytes that each thread needs while it computes.
template <class T>
std::size_t work_bytes(const Recipe<T>& recipe);

/// Bytes of the weights as the recipe wants them.
template <class T>
std::size_t weight_bytes(const Recipe<T>& recipe);

/// Weights "<name>.weight" [out, in, kd, kh, kw] as the recipe wants them; made once for all programs of the store.
template <class T>
std::shared_ptr<const Buffer> pack_weights(WeightStore& store, const std::string& name, int outputs,
                                           const Recipe<T>& recipe);

/// Bytes of the weights of an input's transposed convolution.
template <class T>
std::size_t upsampling_weight_bytes(const Kernels<T>& kernels, const Input& input);

/// Its weights "<name>.weight" [in, out, kd, kh, kw] and biases as the kernels want them, into the input.
template <class T>
void pack_upsampling(WeightStore& store, const Kernels<T>& kernels, Input& input);

/// The step. `bias` is empty or has a value for each stored channel of the result; `work` has work_bytes for each
/// thread; `sums` may be none.
template <class T>
std::unique_ptr<const Step> make_step(const Recipe<T>& recipe, std::shared_ptr<const Buffer> weights,
                                      std::vector<float> bias, TensorId work, TensorId sums);

}  // namespace sagittal::nn::cpu::conv
