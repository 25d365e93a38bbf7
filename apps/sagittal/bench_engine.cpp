#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "base/machine.h"
#include "bench_network.h"
#include "commands.h"
#include "model_lookup.h"
#include "network_options.h"
#include "nn/checkpoint.h"
#include "nn/cost.h"
#include "nn/cpu/network.h"
#include "nn/cpu/peak.h"
#include "nn/cpu/shared_arena.h"
#include "nn/noise.h"

namespace sagittal::commands {
namespace {

constexpr std::size_t kMaxReportBytes = 16 << 20;

struct EngineOptions {
  std::string model;
  std::vector<std::int64_t> patch;
  nn::cpu::Precision precision = nn::cpu::Precision::automatic;
  int threads = available_cores();
  nn::DeviceChoice device;
  int repeats = 3;
  std::string earlier;
  bool json = false;
};

struct Timing {
  double first = 0;  // prepares kernels, weights and memory
  double best = 0;
  double median = 0;
  std::vector<nn::StepTime> steps;  // each at its best
};

Timing measure(const nn::Network& network, const nn::SpatialSize& size, int repeats) {
  const auto voxels = static_cast<std::size_t>(size[0] * size[1] * size[2]);
  const std::size_t inputs = voxels * static_cast<std::size_t>(network.input_channels());
  const std::size_t outputs = voxels * static_cast<std::size_t>(network.output_channels());
  Buffer memory(std::max(inputs, outputs) * sizeof(float));  // the logits over the input
  const std::span<float> input = memory.as<float>().first(inputs), logits = memory.as<float>().first(outputs);
  std::vector<nn::StepTime> steps;
  const auto seconds = [&] {
    nn::make_noise(input, 1);
    const auto start = std::chrono::steady_clock::now();
    steps = network.run_timed(size, input, logits);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  Timing timing;
  timing.first = seconds();
  std::vector<double> passes;
  for (int i = 0; i < repeats; ++i) {
    passes.push_back(seconds());
    if (i == 0) timing.steps = steps;
    for (std::size_t s = 0; s < steps.size(); ++s) {
      timing.steps[s].seconds = std::min(timing.steps[s].seconds, steps[s].seconds);
    }
  }
  std::sort(passes.begin(), passes.end());
  timing.best = passes.front();
  timing.median = passes[passes.size() / 2];
  return timing;
}

/// What a step is called in both of two reports: its layer, and what is done before how it is done.
std::string name_of(const std::string& layer, const std::string& work) {
  return layer + ": " + work.substr(0, work.find(','));
}

struct Report {
  double best_s = 0;
  std::map<std::string, double> seconds;
};

/// An earlier run's `--json`.
Report read_report(const std::string& file) {
  const Bytes text = read_file(file, kMaxReportBytes);
  const Json json = parse_json(as_text(text), file);
  Report report;
  report.best_s = json_get<double>(json, "best_s", file);
  for (const Json& step : json_get<Json>(json, "steps", file)) {
    report.seconds[name_of(json_get<std::string>(step, "layer", file), json_get<std::string>(step, "work", file))] +=
        json_get<double>(step, "seconds", file);
  }
  return report;
}

/// Steps of one name together, the slowest first.
std::vector<nn::StepTime> by_time(const std::vector<nn::StepTime>& steps) {
  std::map<std::pair<std::string, std::string>, nn::StepTime> sums;
  for (const nn::StepTime& step : steps) {
    nn::StepTime& sum = sums.try_emplace({step.layer, step.work}, nn::StepTime{step.layer, step.work}).first->second;
    sum.seconds += step.seconds;
    sum.multiply_adds += step.multiply_adds;
  }
  std::vector<nn::StepTime> sorted;
  for (const auto& entry : sums) sorted.push_back(entry.second);
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  return sorted;
}

void print_steps(const Timing& timing, double peak, const Report* earlier) {
  fmt::print("{:>10} {}{:>8} {:>7}  {:<44} {}\n", "ms", earlier == nullptr ? "" : fmt::format("{:>8} ", "earlier"),
             "GFLOP/s", "of peak", "work", "layer");
  for (const nn::StepTime& step : by_time(timing.steps)) {
    const double rate = 2 * step.multiply_adds / step.seconds;
    std::string before;
    if (earlier != nullptr) {
      const auto found = earlier->seconds.find(name_of(step.layer, step.work));
      before = found == earlier->seconds.end() ? fmt::format("{:>8} ", "-")
                                               : fmt::format("{:>7.2f}x ", found->second / step.seconds);
    }
    const bool counted = step.multiply_adds > 0;
    fmt::print("{:>10.2f} {}{:>8} {:>7}  {:<44} {}\n", 1e3 * step.seconds, before,
               counted ? fmt::format("{:.0f}", 1e-9 * rate) : "",
               counted && peak > 0 ? fmt::format("{:.0f} %", 100 * rate / peak) : "", step.work, step.layer);
  }
}

Json report_of(const Timing& timing) {
  Json steps = Json::array();
  for (const nn::StepTime& step : timing.steps) {
    steps.push_back(
        {{"layer", step.layer}, {"work", step.work}, {"gflop", 2e-9 * step.multiply_adds}, {"seconds", step.seconds}});
  }
  return {{"first_pass_s", timing.first}, {"best_s", timing.best}, {"median_s", timing.median}, {"steps", steps}};
}

void bench_engine(const EngineOptions& options) {
  const auto devices = open_devices(options.device);
  nn::UNet network = full_size_network();
  nn::StateDict weights;
  nn::SpatialSize size{192, 192, 192};
  if (options.model.empty()) {
    weights = random_weights(network);
  } else {
    nn::Checkpoint checkpoint = nn::open_checkpoint(find_model(options.model));
    network = checkpoint.network;
    weights = std::move(checkpoint.weights);
    size = {1, 1, 1};
    std::copy_backward(checkpoint.configuration.patch_size.begin(), checkpoint.configuration.patch_size.end(),
                       size.end());
  }
  if (!options.patch.empty()) std::copy(options.patch.begin(), options.patch.end(), size.begin());
  std::optional<Report> earlier;
  if (!options.earlier.empty()) earlier = read_report(options.earlier);
  const auto engine =
      nn::make_network(network, weights, {{options.threads, options.precision}, devices}, nn::cpu::make_arenas());
  const Timing timing = measure(*engine, size, options.repeats);
  const bool on_processor = engine->device() == "cpu";
  const double peak = on_processor ? nn::cpu::measure_peak(options.precision, options.threads) : 0;
  const double gflop = 2e-9 * nn::multiply_adds(network, size);
  const auto megabytes = [](std::uint64_t bytes) { return static_cast<double>(bytes) * 1e-6; };
  const double resident = megabytes(peak_resident_bytes());
  const nn::NetworkMemory memory = engine->memory(size);
  if (options.json) {
    Json result = report_of(timing);
    result.update({{"engine", engine->description()},
                   {"cpu", inspect_machine().cpu_model},
                   {"patch", size},
                   {"gflop", gflop},
                   {"gflops", gflop / timing.best},
                   {"maps_mb", megabytes(memory.maps)},
                   {"weights_mb", megabytes(memory.weights)},
                   {"peak_rss_mb", resident}});
    if (on_processor) result["peak_gflops"] = 1e-9 * peak;
    if (earlier) result["earlier_best_s"] = earlier->best_s;
    fmt::print("{}\n", result.dump());
    return;
  }
  print_steps(timing, peak, earlier ? &*earlier : nullptr);
  fmt::print("\n{}\n", engine->description());
  fmt::print("patch {} x {} x {}: {:.1f} GFLOP as the layers are defined\n", size[0], size[1], size[2], gflop);
  fmt::print("first pass {:.3f} s, best {:.3f} s, median {:.3f} s\n", timing.first, timing.best, timing.median);
  fmt::print("feature maps {:.0f} MB, prepared weights {:.0f} MB; resident {:.0f} MB at most\n", megabytes(memory.maps),
             megabytes(memory.weights), resident);
  fmt::print("{:.0f} GFLOP/s", gflop / timing.best);
  if (on_processor)
    fmt::print(", {:.0f} % of this machine's peak of {:.0f}; fewer operations than defined may exceed it",
               1e11 * gflop / timing.best / peak, 1e-9 * peak);
  fmt::print("\n");
  if (earlier)
    fmt::print("{:.2f} times the speed of the earlier run's {:.3f} s\n", earlier->best_s / timing.best,
               earlier->best_s);
}

}  // namespace

void add_bench_engine(CLI::App& bench) {
  const auto options = std::make_shared<EngineOptions>();
  CLI::App* command = bench.add_subcommand("engine", "Time one pass of a network, layer by layer");
  command->add_option("--model", options->model,
                      "Model name or checkpoint folder; none: nnInteractive's, random weights");
  command->add_option("--patch", options->patch, "Voxels on the three axes")->expected(3)->delimiter(',');
  add_network_options(*command, options->precision, options->threads, options->device);
  command->add_option("--repeats", options->repeats, "Timed passes after the first")->check(CLI::Range(1, 1000));
  command->add_option("--compare", options->earlier, "What an earlier run printed with --json")
      ->check(CLI::ExistingFile);
  command->add_flag("--json", options->json, "One JSON object");
  command->callback([options] { bench_engine(*options); });
}

}  // namespace sagittal::commands
