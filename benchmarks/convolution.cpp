// The ways of our own to compute the full-size network's convolutions, layer by layer: convolution [SIZE [THREADS]].
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "nn/cpu/conv/convolution.h"

namespace {

using namespace sagittal::nn::cpu;

constexpr int kRuns = 5;

/// 3x3x3, on a cube.
struct Layer {
  std::vector<int> in;  // joined
  int out;
  std::int64_t size, stride;
};

const std::vector<Layer> kLayers = {{{8}, 32, 96, 1},    {{32}, 32, 96, 1},     {{32, 32}, 32, 96, 1},
                                    {{64}, 64, 96, 1},   {{64, 64}, 64, 64, 1}, {{32}, 64, 96, 2},
                                    {{128}, 128, 48, 1}, {{256}, 256, 24, 1},   {{256}, 256, 16, 1},
                                    {{320}, 320, 12, 1}, {{320}, 320, 8, 1}};

/// The tensors of one layer, all zero.
class Tensors {
 public:
  TensorId add(std::size_t bytes) {
    buffers_.emplace_back(bytes);
    std::fill_n(buffers_.back().data(), bytes, std::byte{0});
    return static_cast<TensorId>(buffers_.size() - 1);
  }
  double best_seconds(const Step& step, int threads) {
    std::vector<std::size_t> offsets;
    for (const auto& buffer : buffers_) {
      offsets.push_back(static_cast<std::size_t>(buffer.data() - buffers_.front().data()));
    }
    double best = 1e9;
    for (int i = 0; i < kRuns; ++i) {
      const auto start = std::chrono::steady_clock::now();
      step.run({buffers_.front().data(), offsets.data(), threads, {}, {}});
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
  }

 private:
  std::vector<sagittal::Buffer> buffers_;
};

template <class T>
conv::Shape shape_of(const Layer& layer, Tensors& tensors) {
  const auto map = [&](int channels, std::int64_t size) {
    Activation made{TensorId::none, {channels}, {size, size, size}};
    made.tensor = tensors.add(static_cast<std::size_t>(made.elements()) * sizeof(T));
    return made;
  };
  conv::Shape shape;
  for (const int channels : layer.in) shape.inputs.push_back({map(channels, layer.size), {}, 1});
  shape.out = map(layer.out, layer.size / layer.stride);
  shape.kernel = {3, 3, 3};
  shape.stride = {layer.stride, layer.stride, layer.stride};
  return shape;
}

template <class T>
void bench(const Layer& layer, int threads) {
  for (const auto* kernels : conv::available_kernels<T>()) {
    for (const auto algorithm : {conv::Algorithm::direct, conv::Algorithm::winograd}) {
      Tensors tensors;
      const conv::Recipe<T> recipe{kernels, algorithm, shape_of<T>(layer, tensors)};
      if (!conv::fits(recipe)) continue;
      const TensorId work = tensors.add(conv::work_bytes(recipe) * static_cast<std::size_t>(threads));
      const TensorId sums =
          tensors.add(static_cast<std::size_t>(conv::spaces_of(recipe) * 2 * layer.out) * sizeof(double));
      const auto weights = std::make_shared<sagittal::Buffer>(conv::weight_bytes(recipe));
      std::fill_n(weights->data(), weights->size(), std::byte{0});
      const double seconds = tensors.best_seconds(*conv::make_step(recipe, weights, {}, work, sums), threads);
      const int in = std::accumulate(layer.in.begin(), layer.in.end(), 0);
      const double operations = 54.0 * in * layer.out * static_cast<double>(recipe.shape.out.voxels());
      std::printf("%3d to %3d at %3d/%d  %-8s %-13s %8.2f ms %6.0f GFLOP/s\n", in, layer.out,
                  static_cast<int>(layer.size), static_cast<int>(layer.stride),
                  algorithm == conv::Algorithm::direct ? "direct" : "Winograd", std::string(kernels->name).c_str(),
                  seconds * 1e3, operations / seconds * 1e-9);
      std::fflush(stdout);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int only = argc > 1 ? std::atoi(argv[1]) : 0;
  const int threads = argc > 2 ? std::atoi(argv[2]) : 2;
  for (const Layer& layer : kLayers) {
    if (only != 0 && only != layer.size) continue;
    bench<float>(layer, threads);
    bench<Bf16>(layer, threads);
  }
}
