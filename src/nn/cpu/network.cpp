#include "nn/cpu/network.h"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/buffer_pool.h"
#include "base/error.h"
#include "base/machine.h"
#include "nn/cpu/builder.h"
#include "nn/cpu/onednn.h"
#include "nn/cpu/parallel.h"
#include "nn/cpu/shared_arena.h"
#include "nn/cpu/tuning.h"
#include "nn/network_checks.h"

namespace sagittal::nn::cpu {
namespace {

constexpr std::size_t kKeptPrograms = 8;
constexpr std::size_t kIdleBytes = std::size_t{1} << 30;  // one arena is kept whatever its size, more within this
constexpr std::size_t kPage = 4096;

bool offers(dnnl::cpu_isa isa) {
  const auto present = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  return (present & static_cast<unsigned>(isa)) == static_cast<unsigned>(isa);
}

/// Makes all pages present.
void touch(std::byte* memory, std::size_t bytes, int threads) {
  const auto pages = static_cast<std::int64_t>((bytes + kPage - 1) / kPage);
  constexpr std::int64_t pages_per_part = 2048;
  parallel_for(threads, (pages + pages_per_part - 1) / pages_per_part, [&](std::int64_t part) {
    const std::int64_t end = std::min(pages, (part + 1) * pages_per_part);
    for (std::int64_t page = part * pages_per_part; page < end; ++page) memory[page * kPage] = std::byte{0};
  });
}

[[noreturn]] void rethrow(const dnnl::error& error, const SpatialSize& size) {
  const ErrorCode code = error.status == dnnl_out_of_memory ? ErrorCode::too_large : ErrorCode::internal;
  throw Error(code, fmt::format("oneDNN failed on an input of {}: {}", fmt::join(size, " x "), error.what()));
}

double seconds_of(const std::atomic<std::int64_t>& nanoseconds) { return 1e-9 * static_cast<double>(nanoseconds); }

std::int64_t nanoseconds_on(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::int64_t{1'000'000'000} * now.tv_sec + now.tv_nsec;
}

/// Adds what passes in a scope: time, and processor time of the OpenMP threads that work for this one.
class Stopwatch {
 public:
  Stopwatch(int threads, std::atomic<std::int64_t>& waited, std::atomic<std::int64_t>& computed)
      : threads_(threads), waited_(waited), computed_(computed) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() {
    computed_ += team_nanoseconds(threads_) - computed_before_;
    waited_ += nanoseconds_on(CLOCK_MONOTONIC) - waited_before_;
  }

 private:
  static std::int64_t team_nanoseconds(int threads) {
    std::int64_t sum = 0;
#pragma omp parallel num_threads(threads) reduction(+ : sum)
    sum += nanoseconds_on(CLOCK_THREAD_CPUTIME_ID);
    return sum;
  }

  const int threads_;
  std::atomic<std::int64_t>&waited_, &computed_;
  const std::int64_t waited_before_ = nanoseconds_on(CLOCK_MONOTONIC);
  const std::int64_t computed_before_ = team_nanoseconds(threads_);
};

class CpuNetwork final : public Network {
 public:
  CpuNetwork(const UNet& network, const StateDict& weights, const CpuOptions& options,
             std::shared_ptr<BufferPool> arenas)
      : network_(network),
        kernels_(select_kernels()),
        threads_(options.threads > 0 ? options.threads : available_cores()),
        precision_(options.precision == Precision::automatic ? automatic_precision() : options.precision),
        weights_(weights, dnnl::engine(dnnl::engine::kind::cpu, 0)),
        tuning_(options.tuning ? options.tuning : std::make_shared<Tuning>(tuning_file())),
        arenas_(std::move(arenas)) {
    if (precision_ == Precision::bf16 && kernels_.bf16 == nullptr) {
      throw Error(ErrorCode::unsupported, "bf16 needs a processor with AVX-512; use fp32");
    }
    check_parameters(network_, weights);
  }

  int input_channels() const override { return network_.input_channels; }
  int output_channels() const override { return network_.output_channels; }

  void run(const SpatialSize& size, std::span<const float> input, std::span<float> logits,
           const RunControl& control) const override {
    execute(size, input, logits, control, nullptr);
  }

  std::vector<StepTime> run_timed(const SpatialSize& size, std::span<const float> input,
                                  std::span<float> logits) const override {
    std::vector<StepTime> times;
    execute(size, input, logits, {}, &times);
    return times;
  }

  NetworkMemory memory(const SpatialSize& size) const override;

  NetworkUse use() const override { return {seconds_of(waited_), seconds_of(computed_)}; }

  std::string description() const override {
    const dnnl_version_t* version = dnnl_version();
    return fmt::format("oneDNN {}.{}.{}, {}, {}, {} threads", version->major, version->minor, version->patch,
                       precision_ == Precision::bf16 ? "bf16" : "fp32",
                       precision_ == Precision::bf16 && offers(dnnl::cpu_isa::avx512_core_amx) ? "AMX" : kernels_.name,
                       threads_);
  }

  std::string device() const override { return "cpu"; }

 private:
  void execute(const SpatialSize& size, std::span<const float> input, std::span<float> logits,
               const RunControl& control, std::vector<StepTime>* times) const;
  std::shared_ptr<const Program> make_program(const SpatialSize& size, WeightStore& weights) const;
  std::shared_ptr<const Program> program_for(const SpatialSize& size) const;

  UNet network_;
  const Kernels& kernels_;
  int threads_;
  Precision precision_;
  mutable WeightStore weights_;
  std::shared_ptr<Tuning> tuning_;
  std::shared_ptr<BufferPool> arenas_;
  mutable std::atomic<std::int64_t> waited_ = 0, computed_ = 0;                           // nanoseconds
  mutable std::mutex mutex_;                                                              // guards programs_
  mutable std::vector<std::pair<SpatialSize, std::shared_ptr<const Program>>> programs_;  // latest used last
};

std::shared_ptr<const Program> CpuNetwork::make_program(const SpatialSize& size, WeightStore& weights) const {
  const auto program = std::make_shared<Program>();
  Workshop shop{*program, weights, kernels_, threads_, tuning_.get()};
  if (precision_ == Precision::bf16) {
    build_network<Bf16>(shop, network_, size);
  } else {
    build_network<float>(shop, network_, size);
  }
  program->plan();
  weights.forget_originals();
  return program;
}

NetworkMemory CpuNetwork::memory(const SpatialSize& size) const {
  checked_voxels(network_, size);
  const OmpThreads scope(threads_);
  WeightStore counted(weights_.originals(), weights_.engine(), Packing::counted);
  try {
    const std::size_t maps = make_program(size, counted)->arena_bytes();
    return {maps, counted.packed_bytes()};
  } catch (const dnnl::error& error) {
    rethrow(error, size);
  }
}

std::shared_ptr<const Program> CpuNetwork::program_for(const SpatialSize& size) const {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(programs_.begin(), programs_.end(), [&](const auto& entry) { return entry.first == size; });
  if (found != programs_.end()) {
    std::rotate(found, found + 1, programs_.end());
    return programs_.back().second;
  }
  const auto program = make_program(size, weights_);
  if (programs_.size() == kKeptPrograms) programs_.erase(programs_.begin());
  programs_.emplace_back(size, program);
  return program;
}

void CpuNetwork::execute(const SpatialSize& size, std::span<const float> input, std::span<float> logits,
                         const RunControl& control, std::vector<StepTime>* times) const {
  check_run(network_, size, input.size(), logits.size());
  control.check();
  const OmpThreads scope(threads_);
  const Stopwatch stopwatch(threads_, waited_, computed_);
  try {
    const auto program = program_for(size);
    BorrowedBuffer arena(*arenas_, program->arena_bytes(), control);
    if (arena.fresh()) touch(arena.data(), arena.size(), threads_);
    std::vector<double> seconds(times == nullptr ? 0 : program->notes().size());
    program->run(arena.data(), threads_, input, logits, control, seconds);
    for (std::size_t i = 0; i < seconds.size(); ++i) {
      const StepNote& note = program->notes()[i];
      times->push_back({note.layer, note.work, note.multiply_adds, seconds[i]});
    }
  } catch (const dnnl::error& error) {
    rethrow(error, size);
  }
}

}  // namespace

Precision automatic_precision() { return offers(dnnl::cpu_isa::avx512_core_amx) ? Precision::bf16 : Precision::fp32; }

std::shared_ptr<BufferPool> make_arenas() { return std::make_shared<BufferPool>(kIdleBytes, true); }

std::shared_ptr<const Network> make_network(const UNet& network, const StateDict& weights, const CpuOptions& options) {
  return make_network(network, weights, options, make_arenas());
}

std::shared_ptr<const Network> make_network(const UNet& network, const StateDict& weights, const CpuOptions& options,
                                            std::shared_ptr<BufferPool> arenas) {
  return std::make_shared<CpuNetwork>(network, weights, options, std::move(arenas));
}

}  // namespace sagittal::nn::cpu
