#include "nn/cuda/device/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <vector>

#include "base/error.h"
#include "nn/cuda/device/status.h"
#include "nn/cuda/device/stream.h"

namespace sagittal::nn::cuda {
namespace {

constexpr std::size_t kMeasured = 4;  ///< engines, after the first that the heuristics name
constexpr int kRuns = 3;              ///< timed ones of each, after a first
constexpr std::size_t kAlignment = 256;

std::size_t aligned(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

Descriptor describe_tensor(const TensorForm& form, std::int64_t id) {
  Descriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_HALF)
      .integers(CUDNN_ATTR_TENSOR_DIMENSIONS, form.size)
      .integers(CUDNN_ATTR_TENSOR_STRIDES, form.stride)
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, id)
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, std::int64_t{kOctet * sizeof(Half)})
      .finish("describing a tensor");
  return tensor;
}

/// Whether an engine may be used: what it adds up in half precision, or in an order that varies, may not.
bool exact_enough(const Descriptor& configuration) {
  Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t inside = engine.get();
  std::int64_t count = 0;
  check(
      cudnn().get(configuration.get(), CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &inside),
      "reading an engine");
  std::array<cudnnBackendNumericalNote_t, 64> notes{};  // newer ones than the headers name too
  check(cudnn().get(inside, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                    static_cast<std::int64_t>(notes.size()), &count, notes.data()),
        "reading an engine's notes");
  const auto known = std::min(count, static_cast<std::int64_t>(notes.size()));
  return std::none_of(notes.begin(), notes.begin() + known, [](cudnnBackendNumericalNote_t note) {
    return note == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION || note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC;
  });
}

/// Engines with settings, the most promising first.
std::vector<Descriptor> configurations(const Descriptor& graph, cudnnBackendHeurMode_t mode) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
      .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
  if (heuristics.try_finish() != CUDNN_STATUS_SUCCESS) return {};
  std::int64_t count = 0;
  check(cudnn().get(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr),
        "asking the heuristics");
  std::vector<Descriptor> found;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (std::int64_t n = 0; n < count; ++n) raw.push_back(found.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).get());
  check(cudnn().get(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &count,
                    raw.data()),
        "asking the heuristics");
  found.erase(found.begin() + count, found.end());
  return found;
}

/// Engines that can compute it, at most kMeasured within the limit of workspace.
std::vector<ConvolutionEngine> engines(cudnnHandle_t handle, const ConvolutionForm& form, std::string& refusal) {
  const Descriptor operation = describe(form);
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle)
      .set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation)
      .finish("describing a convolution's graph");
  std::vector<ConvolutionEngine> found;
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    for (Descriptor& configuration : configurations(graph, mode)) {
      if (!exact_enough(configuration)) continue;
      Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, handle)
          .set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
      if (const auto status = plan.try_finish(); status != CUDNN_STATUS_SUCCESS) {
        refusal = explain(status);
        continue;
      }
      const auto workspace = static_cast<std::size_t>(plan.integer(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE));
      if (workspace > kWorkspaceLimit) {
        refusal = fmt::format("it takes {} bytes of workspace", workspace);
        continue;
      }
      found.push_back({std::move(configuration), std::move(plan), workspace});
      if (found.size() == kMeasured) return found;
    }
    if (!found.empty()) return found;
  }
  return found;
}

cudnnStatus_t execute(cudnnHandle_t handle, const Descriptor& plan, const void* in, const void* weights, void* out,
                      void* workspace) {
  const std::array<void*, 3> pointers = {const_cast<void*>(in), const_cast<void*>(weights), out};
  const std::array<std::int64_t, 3> ids = {0, 1, 2};
  Descriptor variant(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  variant.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, std::span<void* const>(pointers))
      .integers(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids)
      .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace)
      .finish("naming a convolution's memory");
  return cudnn().execute(handle, plan.get(), variant.get());
}

/// Milliseconds of the best run; none where it fails.
std::optional<float> time(cudnnHandle_t handle, const Stream& stream, const ConvolutionEngine& engine,
                          const std::array<DeviceBytes, 4>& memory) {
  const Event begin, end;
  float best = std::numeric_limits<float>::infinity();
  for (int run = 0; run <= kRuns; ++run) {
    check(cudaEventRecord(begin.get(), stream.get()), "measuring");
    if (execute(handle, engine.plan, memory[0].get(), memory[1].get(), memory[2].get(), memory[3].get()) !=
        CUDNN_STATUS_SUCCESS) {
      return std::nullopt;
    }
    check(cudaEventRecord(end.get(), stream.get()), "measuring");
    check(cudaEventSynchronize(end.get()), "measuring");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin.get(), end.get()), "measuring");
    if (run > 0) best = std::min(best, milliseconds);
  }
  return best;
}

/// Zeros to measure with, for in, weights, out and workspace; none where memory does not suffice.
std::optional<std::array<DeviceBytes, 4>> measuring_memory(const ConvolutionForm& form, std::size_t workspace,
                                                           const Stream& stream) try {
  std::array<DeviceBytes, 4> made;
  const std::array<std::size_t, 4> bytes = {span_bytes(form.in), span_bytes(form.weights), span_bytes(form.out),
                                            std::max<std::size_t>(workspace, 1)};
  for (std::size_t n = 0; n < made.size(); ++n) {
    made[n] = allocate_device_bytes(bytes[n]);
    check(cudaMemsetAsync(made[n].get(), 0, bytes[n], stream.get()), "measuring");
  }
  return made;
} catch (const Error& error) {
  if (error.code() != ErrorCode::too_large) throw;
  return std::nullopt;
}

/// Index of the fastest.
std::size_t fastest(cudnnHandle_t handle, const ConvolutionForm& form,
                    const std::vector<ConvolutionEngine>& candidates) {
  if (candidates.size() == 1) return 0;
  const Stream stream;
  const auto largest = std::ranges::max_element(candidates, {}, &ConvolutionEngine::workspace)->workspace;
  const auto memory = measuring_memory(form, largest, stream);
  if (!memory) return 0;
  check(cudnn().set_stream(handle, stream.get()), "measuring");
  std::size_t best = 0;
  float shortest = std::numeric_limits<float>::infinity();
  for (std::size_t n = 0; n < candidates.size(); ++n) {
    const auto took = time(handle, stream, candidates[n], *memory);
    if (took && *took < shortest) {
      shortest = *took;
      best = n;
    }
  }
  check(cudaStreamSynchronize(stream.get()), "measuring");
  check(cudnn().set_stream(handle, nullptr), "measuring");
  return best;
}

std::int64_t voxels(const TensorForm& form) { return form.size[2] * form.size[3] * form.size[4]; }

/// From one pitch of channels to another.
void copy_channels(const void* from, int from_pitch, void* to, int to_pitch, int channels, std::int64_t voxels,
                   cudaStream_t stream) {
  check(cudaMemcpy2DAsync(to, to_pitch * sizeof(Half), from, from_pitch * sizeof(Half), channels * sizeof(Half),
                          static_cast<std::size_t>(voxels), cudaMemcpyDeviceToDevice, stream),
        "closing gaps");
}

}  // namespace

Descriptor describe(const ConvolutionForm& form) {
  const std::array<std::int64_t, 3> ones = {1, 1, 1};
  Descriptor convolution(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  convolution.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION)
      .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, std::int64_t{3})
      .integers(CUDNN_ATTR_CONVOLUTION_DILATIONS, ones)
      .integers(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, form.stride)
      .integers(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, form.padding)
      .integers(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, form.padding)
      .finish("describing a convolution");
  const Descriptor in = describe_tensor(form.in, 0), weights = describe_tensor(form.weights, 1);
  const Descriptor out = describe_tensor(form.out, 2);
  Descriptor operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, convolution)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, in)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, weights)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, out)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, 1.0f)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, 0.0f)
      .finish("describing a convolution of maps");
  return operation;
}

ConvolutionPlan::ConvolutionPlan(cudnnHandle_t handle, const Convolution& convolution)
    : asked_(convolution), computed_(convolution), form_(form(convolution)) {
  std::string refusal = "no engine is offered";
  std::vector<ConvolutionEngine> candidates = engines(handle, form_, refusal);
  if (candidates.empty() && without_gaps(convolution) != convolution) {
    computed_ = without_gaps(convolution);
    form_ = form(computed_);
    candidates = engines(handle, form_, refusal);
  }
  if (candidates.empty()) {
    throw Error(ErrorCode::unsupported,
                fmt::format("cuDNN {} cannot compute a convolution of {} x {} x {} voxels, {} to {} channels: {}",
                            cudnn().version(), convolution.size[0], convolution.size[1], convolution.size[2],
                            convolution.in_channels, convolution.out_channels, refusal));
  }
  engine_.emplace(std::move(candidates[fastest(handle, form_, candidates)]));
}

std::size_t ConvolutionPlan::workspace_bytes() const {
  std::size_t bytes = aligned(engine_->workspace);
  if (asked_.in_pitch != computed_.in_pitch) bytes += aligned(span_bytes(form_.in));
  if (asked_.out_pitch != computed_.out_pitch) bytes += aligned(span_bytes(form_.out));
  return bytes;
}

void ConvolutionPlan::run(cudnnHandle_t handle, cudaStream_t stream, const Half* in, const Half* weights, Half* out,
                          std::byte* workspace) const {
  std::byte* free = workspace + aligned(engine_->workspace);
  const void* read = in;
  void* written = out;
  if (asked_.in_pitch != computed_.in_pitch) {
    copy_channels(in, asked_.in_pitch, free, computed_.in_pitch, asked_.in_channels, voxels(form_.in), stream);
    read = free;
    free += aligned(span_bytes(form_.in));
  }
  if (asked_.out_pitch != computed_.out_pitch) written = free;
  check(cudnn().set_stream(handle, stream), "choosing a queue");
  check(execute(handle, engine_->plan, read, weights, written, workspace), "convolving");
  if (written != out) {
    copy_channels(written, computed_.out_pitch, out, asked_.out_pitch, asked_.out_channels, voxels(form_.out), stream);
  }
}

}  // namespace sagittal::nn::cuda
