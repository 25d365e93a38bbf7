// Convolutions of our own, way by way: convolution [size [threads]].
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "nn/cpu/conv/convolution.h"

int main(int argc, char** argv) {
  using namespace sagittal::nn::cpu;
  using namespace sagittal;
  const int threads = argc > 2 ? std::atoi(argv[2]) : 2;
  const int only = argc > 1 ? std::atoi(argv[1]) : 0;
  struct Layer {
    std::vector<int> in;
    int out;
    std::int64_t size;
    std::int64_t stride;
  };
  for (const Layer& layer : {Layer{{8}, 32, 96, 1},
                             {{32}, 32, 96, 1},
                             {{32, 32}, 32, 96, 1},
                             {{64}, 64, 96, 1},
                             {{64, 64}, 64, 64, 1},
                             {{32}, 64, 96, 2},
                             {{128}, 128, 48, 1},
                             {{256}, 256, 24, 1},
                             {{256}, 256, 16, 1},
                             {{320}, 320, 12, 1},
                             {{320}, 320, 8, 1}}) {
    if (only != 0 && only != layer.size) continue;
    conv::Shape shape;
    std::vector<Buffer> tensors;
    const auto add = [&](std::size_t bytes) {
      tensors.emplace_back(bytes);
      std::fill_n(tensors.back().data(), bytes, std::byte{0});
      return static_cast<TensorId>(tensors.size() - 1);
    };
    for (const int channels : layer.in) {
      Activation map{TensorId::none, {channels}, {layer.size, layer.size, layer.size}};
      map.tensor = add(static_cast<std::size_t>(map.elements()) * 4);
      shape.inputs.push_back({map, {}, 1});
    }
    shape.kernel = {3, 3, 3};
    shape.stride = {layer.stride, layer.stride, layer.stride};
    shape.out = {
        TensorId::none, {layer.out}, {layer.size / layer.stride, layer.size / layer.stride, layer.size / layer.stride}};
    shape.out.tensor = add(static_cast<std::size_t>(shape.out.elements()) * 4);
    int in = 0;
    for (const int channels : layer.in) in += channels;
    const double operations = 54.0 * in * layer.out * static_cast<double>(shape.out.voxels());
    const auto bench = [&]<class T>(const conv::Kernels<T>& kernels, conv::Algorithm algorithm) {
      const conv::Recipe<T> recipe{&kernels, algorithm, shape};
      if (!conv::fits(recipe)) return;
      const TensorId work = add(conv::work_bytes(recipe) * static_cast<std::size_t>(threads));
      const TensorId sums = add(static_cast<std::size_t>(conv::spaces_of(recipe) * 2 * layer.out) * 8);
      const auto weights = std::make_shared<Buffer>(conv::weight_bytes(recipe));
      std::fill_n(weights->data(), weights->size(), std::byte{0});
      std::vector<std::size_t> offsets;
      for (const Buffer& t : tensors) offsets.push_back(static_cast<std::size_t>(t.data() - tensors[0].data()));
      const auto step = conv::make_step(recipe, weights, {}, work, sums);
      double best = 1e9;
      for (int i = 0; i < 5; ++i) {
        const auto start = std::chrono::steady_clock::now();
        step->run({tensors[0].data(), offsets.data(), threads, {}, {}});
        best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      }
      std::printf("%3d to %3d at %3d/%d  %-8s %-13s %8.2f ms %6.0f GF/s\n", in, layer.out, static_cast<int>(layer.size),
                  static_cast<int>(layer.stride), algorithm == conv::Algorithm::direct ? "direct" : "Winograd",
                  std::string(kernels.name).c_str(), best * 1e3, operations / best * 1e-9);
      std::fflush(stdout);
    };
    for (const auto algorithm : {conv::Algorithm::direct, conv::Algorithm::winograd}) {
      for (const auto* kernels : conv::available_kernels<float>()) bench(*kernels, algorithm);
      for (const auto* kernels : conv::available_kernels<Bf16>()) bench(*kernels, algorithm);
    }
  }
}
