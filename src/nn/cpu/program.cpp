#include "nn/cpu/program.h"

#include <chrono>

#include "base/computing.h"

namespace sagittal::nn::cpu {
TensorId Program::add_tensor(std::size_t bytes) { return static_cast<TensorId>(memory_.add(bytes)); }

void Program::add_step(std::unique_ptr<const Step> step, std::span<const TensorId> tensors, StepNote note) {
  const int index = static_cast<int>(steps_.size());
  for (const TensorId id : tensors) {
    if (id == TensorId::none) continue;
    memory_.use(static_cast<std::size_t>(id), index);
  }
  steps_.push_back(std::move(step));
  notes_.push_back(std::move(note));
}

void Program::run(std::byte* arena, int threads, std::span<const float> input, std::span<float> logits,
                  const RunControl& control, std::span<double> seconds) const {
  RunContext context{arena, memory_.offsets().data(), threads, input, logits};
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
  const RunContext context{arena, memory_.offsets().data(), threads, {}, {}, inputs, outputs};
  for (const auto& step : steps_) step->run(context);
}

}  // namespace sagittal::nn::cpu
