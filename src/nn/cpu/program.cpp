#include "nn/cpu/program.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "base/computing.h"

namespace sagittal::nn::cpu {
namespace {
constexpr std::size_t kAlignment = 64;
}

TensorId Program::add_tensor(std::size_t bytes) {
  tensors_.push_back({(bytes + kAlignment - 1) / kAlignment * kAlignment});
  return static_cast<TensorId>(tensors_.size() - 1);
}

void Program::add_step(std::unique_ptr<const Step> step, std::span<const TensorId> tensors, StepNote note) {
  const int index = static_cast<int>(steps_.size());
  for (const TensorId id : tensors) {
    if (id == TensorId::none) continue;
    Tensor& tensor = tensors_[static_cast<std::size_t>(id)];
    if (tensor.first < 0) tensor.first = index;
    tensor.last = index;
  }
  steps_.push_back(std::move(step));
  notes_.push_back(std::move(note));
}

/// Largest first, each at the lowest offset that is free during its life.
void Program::plan() {
  std::vector<std::size_t> order(tensors_.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return tensors_[a].bytes > tensors_[b].bytes; });
  offsets_.assign(tensors_.size(), 0);
  std::vector<std::size_t> placed;
  for (const std::size_t current : order) {
    std::vector<std::pair<std::size_t, std::size_t>> taken;
    for (const std::size_t other : placed) {
      const bool apart =
          tensors_[other].last < tensors_[current].first || tensors_[current].last < tensors_[other].first;
      if (!apart) taken.emplace_back(offsets_[other], offsets_[other] + tensors_[other].bytes);
    }
    std::sort(taken.begin(), taken.end());
    std::size_t offset = 0;
    for (const auto& [begin, end] : taken) {
      if (offset + tensors_[current].bytes <= begin) break;
      offset = std::max(offset, end);
    }
    offsets_[current] = offset;
    arena_bytes_ = std::max(arena_bytes_, offset + tensors_[current].bytes);
    placed.push_back(current);
  }
}

void Program::run(std::byte* arena, int threads, std::span<const float> input, std::span<float> logits,
                  const RunControl& control, std::span<double> seconds) const {
  RunContext context{arena, offsets_.data(), threads, input, logits};
  for (std::size_t n = 0; n < steps_.size(); ++n) {
    control.check();
    context.threads = Computing::fair_threads(threads);
    control.report({}, static_cast<double>(n) / static_cast<double>(steps_.size()));
    const auto start = std::chrono::steady_clock::now();
    steps_[n]->run(context);
    if (!seconds.empty()) {
      seconds[n] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
  }
}

void Program::run(std::byte* arena, int threads, std::span<const std::span<const float>> inputs,
                  std::span<const std::span<float>> outputs) const {
  const RunContext context{arena, offsets_.data(), threads, {}, {}, inputs, outputs};
  for (const auto& step : steps_) step->run(context);
}

}  // namespace sagittal::nn::cpu
