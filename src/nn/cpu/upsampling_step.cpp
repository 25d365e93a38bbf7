#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include <fmt/format.h>

#include "nn/cpu/onednn.h"
#include "nn/cpu/parallel.h"
#include "nn/cpu/steps.h"

namespace sagittal::nn::cpu {
namespace {

using dnnl::memory;

constexpr std::int64_t kProductElements = 1 << 17;  // of one chunk's product, small enough for the second-level cache
constexpr std::int64_t kVoxelsPerChunk = 4096;

/// Copies the channels of one voxel: a whole number of units of kChannelUnit.
template <class T>
void copy_channels(const T* from, T* to, std::int64_t channels) {
  constexpr std::size_t unit = kChannelUnit * sizeof(T);
  for (std::int64_t c = 0; c < channels; c += kChannelUnit) std::memcpy(to + c, from + c, unit);
}

/// Rows of the low-resolution map that one matrix product covers: a divisor of the height.
std::int64_t rows_per_chunk(const SpatialSize& size, std::int64_t columns) {
  std::int64_t best = 1;
  for (std::int64_t rows = 1; rows <= size[1]; ++rows) {
    if (size[1] % rows == 0 && rows * size[2] * columns <= kProductElements) best = rows;
  }
  return best;
}

/// A transposed convolution whose kernel is its stride: each voxel times a matrix gives its window of the output.
template <class T>
class UpsamplingStep final : public Step {
 public:
  struct Shape {
    Activation low, out;
    SpatialSize stride;
    int up_channels;  // stored
    std::int64_t rows, columns;
    std::size_t product_bytes, scratch_bytes;  // per thread
    std::int64_t workers;
    TensorId work;
  };
  UpsamplingStep(const dnnl::engine& engine, const dnnl::matmul::primitive_desc& description, PackedWeights weights,
                 std::vector<float> bias, const Shape& shape)
      : engine_(engine),
        description_(description),
        primitive_(description),
        weights_(std::move(weights)),
        bias_(std::move(bias)),
        shape_(shape) {}

  void run(const RunContext& context) const override {
    const std::int64_t chunks_per_plane = shape_.low.size[1] / shape_.rows;
    const std::int64_t chunks = shape_.low.size[0] * chunks_per_plane;
    // One worker per slice of `work`; each calls oneDNN on its own thread alone.
    parallel_for(context.threads, shape_.workers, [&](std::int64_t worker) {
      const OmpThreads alone(1);
      std::byte* work = context.at<std::byte>(shape_.work) + worker * stride_of_work();
      const std::int64_t begin = chunks * worker / shape_.workers, end = chunks * (worker + 1) / shape_.workers;
      for (std::int64_t chunk = begin; chunk < end; ++chunk) {
        const std::int64_t d = chunk / chunks_per_plane, h = chunk % chunks_per_plane * shape_.rows;
        multiply(context, (d * shape_.low.size[1] + h) * shape_.low.size[2], work);
        scatter(reinterpret_cast<const T*>(work), d, h, context.at<T>(shape_.out.tensor));
      }
    });
  }

  std::int64_t stride_of_work() const { return static_cast<std::int64_t>(shape_.product_bytes + shape_.scratch_bytes); }

 private:
  void multiply(const RunContext& context, std::int64_t voxel, std::byte* work) const {
    T* low = context.at<T>(shape_.low.tensor) + voxel * shape_.low.stored_channels();
    dnnl::stream stream(engine_);
    primitive_.execute(stream,
                       {{DNNL_ARG_SRC, {description_.src_desc(), engine_, low}},
                        {DNNL_ARG_WEIGHTS, weights_.memory(engine_)},
                        {DNNL_ARG_BIAS, {bias_layout(), engine_, const_cast<float*>(bias_.data())}},
                        {DNNL_ARG_DST, {description_.dst_desc(), engine_, work}},
                        {DNNL_ARG_SCRATCHPAD, {description_.scratchpad_desc(), engine_, work + shape_.product_bytes}}});
    stream.wait();
  }

  memory::desc bias_layout() const { return {{1, shape_.columns}, memory::data_type::f32, memory::format_tag::ab}; }

  void scatter(const T* product, std::int64_t d, std::int64_t h0, T* out) const {
    const auto [sd, sh, sw] = shape_.stride;
    const std::int64_t pitch = shape_.out.stored_channels(), width = shape_.low.size[2];
    for (std::int64_t kd = 0; kd < sd; ++kd) {
      for (std::int64_t h = 0; h < shape_.rows; ++h) {
        for (std::int64_t kh = 0; kh < sh; ++kh) {
          const std::int64_t row = (d * sd + kd) * shape_.out.size[1] + (h0 + h) * sh + kh;
          T* to = out + row * shape_.out.size[2] * pitch;
          const T* from = product + h * width * shape_.columns + (kd * sh + kh) * sw * shape_.up_channels;
          for (std::int64_t w = 0; w < width; ++w, from += shape_.columns) {
            for (std::int64_t kw = 0; kw < sw; ++kw, to += pitch) {
              copy_channels(from + kw * shape_.up_channels, to, shape_.up_channels);
            }
          }
        }
      }
    }
  }

  dnnl::engine engine_;
  dnnl::matmul::primitive_desc description_;
  dnnl::matmul primitive_;
  PackedWeights weights_;
  std::vector<float> bias_;
  Shape shape_;
};

/// Copies the skip beside the upsampled channels.
template <class T>
class SkipStep final : public Step {
 public:
  SkipStep(const Activation& skip, const Activation& out) : skip_(skip), out_(out) {}

  void run(const RunContext& context) const override {
    const std::int64_t channels = skip_.stored_channels(), pitch = out_.stored_channels();
    const T* from = context.at<T>(skip_.tensor);
    T* to = context.at<T>(out_.tensor) + (pitch - channels);
    parallel_for(context.threads, (skip_.voxels() + kVoxelsPerChunk - 1) / kVoxelsPerChunk, [&](std::int64_t i) {
      const std::int64_t end = std::min(skip_.voxels(), (i + 1) * kVoxelsPerChunk);
      for (std::int64_t v = i * kVoxelsPerChunk; v < end; ++v) {
        copy_channels(from + v * channels, to + v * pitch, channels);
      }
    });
  }

 private:
  Activation skip_, out_;
};

std::size_t aligned(std::size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

}  // namespace

template <class T>
Activation add_upsampling(Workshop& shop, const Activation& low, const Activation& skip, const conv::Upsampling& up) {
  const std::string& name = up.name;
  const SpatialSize& stride = up.stride;
  const int outputs = skip.groups[0];
  typename UpsamplingStep<T>::Shape shape;
  shape.low = low;
  shape.out = {TensorId::none, {outputs, outputs}, skip.size};
  shape.out.tensor = shop.program.add_tensor(static_cast<std::size_t>(shape.out.elements()) * sizeof(T));
  shape.stride = stride;
  shape.up_channels = padded(outputs);
  shape.columns = voxels_of(stride) * shape.up_channels;
  shape.rows = rows_per_chunk(low.size, shape.columns);
  shape.workers = shop.threads;

  const auto type = std::is_same_v<T, float> ? memory::data_type::f32 : memory::data_type::bf16;
  const std::int64_t m = shape.rows * low.size[2];
  const std::int64_t k = low.stored_channels();
  const OmpThreads alone(1);
  const auto description = describe_matmul(shop.weights.engine(), {{m, k}, type, memory::format_tag::ab},
                                           {{k, shape.columns}, type, memory::format_tag::any},
                                           {{1, shape.columns}, memory::data_type::f32, memory::format_tag::ab},
                                           {{m, shape.columns}, type, memory::format_tag::ab});
  shape.product_bytes = aligned(static_cast<std::size_t>(m * shape.columns) * sizeof(T));
  shape.scratch_bytes = aligned(description.scratchpad_desc().get_size());
  shape.work =
      shop.program.add_tensor((shape.product_bytes + shape.scratch_bytes) * static_cast<std::size_t>(shape.workers));
  std::vector<float> one = shop.weights.vector(name + ".bias", outputs, 0);
  if (!up.biased) std::fill(one.begin(), one.end(), 0.0F);
  std::vector<float> repeated;
  for (std::int64_t tap = 0; tap < voxels_of(stride); ++tap) repeated.insert(repeated.end(), one.begin(), one.end());
  PackedWeights weights =
      shop.weights.upsampling(name + ".weight", low.groups[0], outputs, stride, description.weights_desc());
  shop.program.add_step(std::make_unique<UpsamplingStep<T>>(shop.weights.engine(), description, std::move(weights),
                                                            std::move(repeated), shape),
                        std::array{low.tensor, shape.out.tensor, shape.work},
                        {name, fmt::format("upsample {} to {}", low.groups[0], outputs),
                         static_cast<double>(skip.voxels()) * low.groups[0] * outputs});
  shop.program.add_step(std::make_unique<SkipStep<T>>(skip, shape.out), std::array{skip.tensor, shape.out.tensor},
                        {name, "copy skip"});
  return shape.out;
}

template Activation add_upsampling<float>(Workshop&, const Activation&, const Activation&, const conv::Upsampling&);
template Activation add_upsampling<Bf16>(Workshop&, const Activation&, const Activation&, const conv::Upsampling&);

}  // namespace sagittal::nn::cpu
