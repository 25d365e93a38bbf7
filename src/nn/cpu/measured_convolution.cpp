#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "nn/cpu/conv/convolution.h"
#include "nn/cpu/steps.h"

namespace sagittal::nn::cpu {
namespace {

constexpr double kTrialOperations = 1.5e9;  // of each measurement: some milliseconds
constexpr int kTrials = 3;
/// Whether oneDNN's convolutions were found to round alike with any number of threads: not always on arm64.
#ifdef SAGITTAL_AARCH64
constexpr bool kOnednnTakesPart = false;
#else
constexpr bool kOnednnTakesPart = true;
#endif

/// What is to be made, before the way is chosen.
struct Task {
  std::vector<conv::Input>& in;  // (upsampled, skip), or one
  const std::string& name;
  int outputs;
  const ConvolutionOptions& options;
  const std::string& norm_name;
  const NormOptions& norm;
};

SpatialSize divided(const SpatialSize& size, const SpatialSize& by) {
  return {size[0] / by[0], size[1] / by[1], size[2] / by[2]};
}

conv::Shape shape_of(const Task& task) {
  conv::Shape shape;
  shape.inputs = task.in;
  shape.out = {TensorId::none, {task.outputs}, divided(shape.in_size(), task.options.stride)};
  shape.kernel = task.options.kernel;
  shape.stride = task.options.stride;
  shape.slope = task.options.slope;
  return shape;
}

std::vector<int> groups_of(const Task& task) {
  std::vector<int> groups;
  for (const conv::Input& in : task.in) {
    for (const int group : in.groups()) groups.push_back(group);
  }
  return groups;
}

template <class T>
std::vector<conv::Recipe<T>> recipes_of(const Task& task) {
  std::vector<conv::Recipe<T>> recipes;
  // A matrix product, which oneDNN is made for.
  if (kOnednnTakesPart && task.options.kernel == SpatialSize{1, 1, 1}) return recipes;
  for (const conv::Kernels<T>* kernels : conv::widest_kernels<T>()) {
    for (const auto algorithm : {conv::Algorithm::direct, conv::Algorithm::winograd}) {
      const conv::Recipe<T> recipe{kernels, algorithm, shape_of(task)};
      if (conv::fits(recipe)) recipes.push_back(recipe);
    }
  }
  return recipes;
}

template <class T>
std::string name_of(const conv::Recipe<T>& recipe) {
  return fmt::format("{} {}", recipe.algorithm == conv::Algorithm::winograd ? "Winograd" : "direct",
                     recipe.kernels->name);
}

template <class T>
Measured add_by_onednn(Workshop& shop, Task& task) {
  for (conv::Input& in : task.in) {
    if (in.norm.tensor == TensorId::none) continue;
    add_normalise<T>(shop, in.map, in.norm, nullptr, nullptr, task.norm);
    in.norm = {};
  }
  const conv::Input& first = task.in.front();
  Measured out;
  out.x = add_convolution<T>(shop, first.up ? add_upsampling<T>(shop, first.map, task.in[1].map, *first.up) : first.map,
                             task.name, task.outputs, task.options);
  out.norm = add_statistics<T>(shop, out.x, task.norm_name, task.norm);
  return out;
}

std::shared_ptr<const Buffer> zeros(std::size_t bytes) {
  const auto buffer = std::make_shared<Buffer>(bytes);
  std::fill_n(buffer->data(), bytes, std::byte{0});
  return buffer;
}

/// The weights of the recipe, and of what is upsampled in it; a trial needs none.
template <class T>
std::shared_ptr<const Buffer> weights_of(Workshop& shop, const Task& task, conv::Recipe<T>& recipe, bool trial) {
  for (conv::Input& in : recipe.shape.inputs) {
    if (!in.up) continue;
    if (trial) {
      in.up->weights = zeros(conv::upsampling_weight_bytes(*recipe.kernels, in));
      in.up->biases.assign(static_cast<std::size_t>(in.up->outputs) + 2 * conv::kPanelOutputs, 0.0F);
    } else {
      conv::pack_upsampling(shop.weights, *recipe.kernels, in);
    }
  }
  if (trial) return zeros(conv::weight_bytes(recipe));
  return conv::pack_weights(shop.weights, task.name + ".weight", task.outputs, recipe);
}

double multiply_adds(const conv::Input& in) {
  return in.up ? static_cast<double>(voxels_of(in.size())) * in.map.groups[0] * in.up->outputs : 0;
}

template <class T>
Measured add_by_recipe(Workshop& shop, const Task& task, conv::Recipe<T> recipe, bool trial = false) {
  recipe.shape = shape_of(task);
  conv::Shape& shape = recipe.shape;
  shape.out.tensor = shop.program.add_tensor(static_cast<std::size_t>(shape.out.elements()) * sizeof(T));
  const std::int64_t spaces = conv::spaces_of(recipe);
  const TensorId sums =
      shop.program.add_tensor(static_cast<std::size_t>(spaces * 2 * shape.out.stored_channels()) * sizeof(double));
  const TensorId work = shop.program.add_tensor(conv::work_bytes(recipe) * static_cast<std::size_t>(shop.threads));
  std::vector<float> bias;
  if (task.options.bias) bias = shop.weights.vector(task.name + ".bias", task.outputs, 0);
  const auto weights = weights_of(shop, task, recipe, trial);
  std::vector<TensorId> tensors{shape.out.tensor, sums, work};
  StepNote note = note_of(task.name, groups_of(task), shape.out, shape.kernel, name_of(recipe));
  for (const conv::Input& in : task.in) {
    tensors.insert(tensors.end(), {in.map.tensor, in.norm.tensor});
    note.multiply_adds += multiply_adds(in);
  }
  shop.program.add_step(conv::make_step(recipe, weights, std::move(bias), work, sums), tensors, std::move(note));
  return {shape.out, add_fold(shop, shape.out, sums, spaces, task.norm_name, task.norm)};
}

/// Seconds for each plane of output, of steps that `add` makes for a shallow input.
template <class T, class Add>
double measure(const Workshop& shop, const Task& task, const Add& add) {
  const SpatialSize size = task.in.front().size();
  int channels = 0;
  std::int64_t stride = task.options.stride[0];
  for (const conv::Input& in : task.in) {
    channels += in.stored_channels();
    if (in.up) stride = std::max(stride, in.up->stride[0]);
  }
  const double operations =
      2.0 * static_cast<double>(voxels_of(size) / size[0] * voxels_of(task.options.kernel)) * channels * task.outputs;
  const auto wanted = static_cast<std::int64_t>(kTrialOperations / operations);
  const std::int64_t planes =
      std::clamp<std::int64_t>(wanted / stride * stride, std::min<std::int64_t>(4 * stride, size[0]), size[0]);
  Program program;
  WeightStore weights(shop.weights.originals(), shop.weights.engine());  // what oneDNN packs goes with the trial
  Workshop trial{program, weights, shop.kernels, shop.threads, nullptr};
  std::vector<conv::Input> inputs = task.in;
  for (conv::Input& in : inputs) {
    in.map.size[0] = in.up ? planes / in.up->stride[0] : planes;
    in.map.tensor = program.add_tensor(static_cast<std::size_t>(in.map.elements()) * sizeof(T));
    if (in.norm.tensor == TensorId::none) continue;
    in.norm.tensor = program.add_tensor(static_cast<std::size_t>(2 * in.norm.pattern) * sizeof(float));
  }
  Task shallow{inputs, task.name, task.outputs, task.options, task.norm_name, task.norm};
  add(trial, shallow);
  program.plan();
  Buffer arena(program.arena_bytes());
  std::fill_n(arena.data(), arena.size(), std::byte{0});
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kTrials; ++i) {
    const auto start = std::chrono::steady_clock::now();
    program.run(arena.data(), shop.threads, std::span<const float>{}, std::span<float>{}, RunControl{});
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best / static_cast<double>(planes);
}

/// Layers that differ in less are computed alike: in size by a factor of less than 1.4 on each axis, or in threads, for
/// an answer shall not depend on these.
template <class T>
std::string question_of(const Task& task) {
  SpatialSize about{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    about[axis] = std::lround(2 * std::log2(static_cast<double>(task.in.front().size()[axis])));
  }
  std::vector<std::string> inputs;
  for (const conv::Input& in : task.in) {
    inputs.push_back(fmt::format("{}{}{}", fmt::join(in.map.groups, "+"),
                                 in.norm.tensor == TensorId::none ? "" : " pending",
                                 in.up ? fmt::format(" upsampled to {}", in.up->outputs) : ""));
  }
  return fmt::format("{} {} to {}, kernel {}, stride {}, size 2^({}/2)", sizeof(T) == 4 ? "fp32" : "bf16",
                     fmt::join(inputs, " and "), task.outputs, fmt::join(task.options.kernel, "x"),
                     fmt::join(task.options.stride, "x"), fmt::join(about, "x"));
}

}  // namespace

template <class T>
Measured add_measured_convolution(Workshop& shop, std::vector<conv::Input>& in, const std::string& name, int outputs,
                                  const ConvolutionOptions& options, const std::string& norm_name,
                                  const NormOptions& norm) {
  Task task{in, name, outputs, options, norm_name, norm};
  const std::vector<conv::Recipe<T>> recipes = recipes_of<T>(task);
  std::vector<Way> ways;
  if (kOnednnTakesPart) {
    ways.push_back({"oneDNN", [&] {
                      return measure<T>(shop, task, [](Workshop& trial, Task& t) { add_by_onednn<T>(trial, t); });
                    }});
  }
  const std::size_t first_recipe = ways.size();
  for (const conv::Recipe<T>& recipe : recipes) {
    ways.push_back({name_of(recipe), [&shop, &task, &recipe] {
                      return measure<T>(shop, task,
                                        [&](Workshop& trial, Task& t) { add_by_recipe<T>(trial, t, recipe, true); });
                    }});
  }
  const std::size_t chosen = shop.tuning == nullptr ? 0 : shop.tuning->choose(question_of<T>(task), ways);
  if (chosen < first_recipe) return add_by_onednn<T>(shop, task);
  return add_by_recipe(shop, task, recipes[chosen - first_recipe]);
}

template Measured add_measured_convolution<float>(Workshop&, std::vector<conv::Input>&, const std::string&, int,
                                                  const ConvolutionOptions&, const std::string&, const NormOptions&);
template Measured add_measured_convolution<Bf16>(Workshop&, std::vector<conv::Input>&, const std::string&, int,
                                                 const ConvolutionOptions&, const std::string&, const NormOptions&);

}  // namespace sagittal::nn::cpu
