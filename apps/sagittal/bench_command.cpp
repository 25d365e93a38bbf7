#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/json.h"
#include "base/machine.h"
#include "commands.h"
#include "model_lookup.h"
#include "nn/checkpoint.h"
#include "nn/cost.h"
#include "nn/cpu/network.h"

namespace sagittal::commands {
namespace {

struct EngineOptions {
  std::string model;
  std::vector<std::int64_t> patch;
  std::string precision = "auto";
  int threads = 0;
  int repeats = 3;
  bool json = false;
};

/// The plan of nnInteractive v1.0.
nn::UNet full_size_network() {
  nn::UNet network;
  network.block = nn::BlockKind::basic;
  network.input_channels = 8;
  network.stem_features = 32;
  const std::vector<int> features{32, 64, 128, 256, 320, 320}, blocks{1, 3, 4, 6, 6, 6};
  for (std::size_t s = 0; s < features.size(); ++s) {
    const std::int64_t stride = s == 0 ? 1 : 2;
    network.encoder.push_back({features[s], {3, 3, 3}, {stride, stride, stride}, blocks[s], 0});
  }
  network.decoder_convolutions.assign(features.size() - 1, 1);
  return network;
}

std::vector<float> noise(std::size_t count, float scale) {
  std::vector<float> values(count);
  std::uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525 + 1013904223;
    value = scale * (static_cast<float>(state >> 8) * 0x1p-23F - 1.0F);
  }
  return values;
}

std::size_t element_count(const nn::Parameter& parameter) {
  std::size_t count = 1;
  for (const std::int64_t extent : parameter.shape) count *= static_cast<std::size_t>(extent);
  return count;
}

/// Random weights in a mapped file, as a checkpoint's are.
nn::StateDict random_weights(const nn::UNet& network) {
  const std::vector<nn::Parameter> parameters = nn::parameters_of(network);
  std::vector<float> values;
  for (const nn::Parameter& parameter : parameters) {
    const double inputs = static_cast<double>(element_count(parameter)) / static_cast<double>(parameter.shape[0]);
    const double scale = parameter.shape.size() == 1 ? 1 : std::sqrt(3 / inputs);
    const std::vector<float> part = noise(element_count(parameter), static_cast<float>(scale));
    values.insert(values.end(), part.begin(), part.end());
  }
  const auto path = std::filesystem::temp_directory_path() / fmt::format("sagittal-bench-{}.bin", ::getpid());
  write_file_atomically(path, {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(float)});
  nn::StateDict weights;
  weights.file = std::make_shared<const MappedFile>(path);
  std::filesystem::remove(path);
  std::size_t offset = 0;
  for (const nn::Parameter& parameter : parameters) {
    const std::size_t bytes = element_count(parameter) * sizeof(float);
    weights.tensors[parameter.name] = {nn::DType::f32, parameter.shape, weights.file->bytes().subspan(offset, bytes)};
    offset += bytes;
  }
  return weights;
}

struct Timing {
  double first = 0;  // prepares kernels, weights and memory
  double best = 0;
  double median = 0;
  std::vector<nn::StepTime> steps;
};

Timing measure(const nn::Network& network, const nn::SpatialSize& size, int repeats) {
  const auto voxels = static_cast<std::size_t>(size[0] * size[1] * size[2]);
  const std::vector<float> input = noise(voxels * static_cast<std::size_t>(network.input_channels()), 1);
  std::vector<float> logits(voxels * static_cast<std::size_t>(network.output_channels()));
  const auto seconds = [&] {
    const auto start = std::chrono::steady_clock::now();
    network.run(size, input, logits, {});
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  Timing timing;
  timing.first = seconds();
  std::vector<double> passes;
  for (int i = 0; i < repeats; ++i) passes.push_back(seconds());
  timing.steps = network.run_timed(size, input, logits);
  std::sort(passes.begin(), passes.end());
  timing.best = passes.front();
  timing.median = passes[passes.size() / 2];
  return timing;
}

nn::cpu::Precision precision_named(const std::string& name) {
  if (name == "fp32") return nn::cpu::Precision::fp32;
  return name == "bf16" ? nn::cpu::Precision::bf16 : nn::cpu::Precision::automatic;
}

void bench_engine(const EngineOptions& options) {
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
  const auto engine = nn::cpu::make_network(network, weights, {options.threads, precision_named(options.precision)});
  const Timing timing = measure(*engine, size, options.repeats);
  const double gflop = 2e-9 * nn::multiply_adds(network, size);
  const double megabytes = static_cast<double>(peak_resident_bytes()) * 1e-6;
  if (options.json) {
    const Json result{{"engine", engine->description()},
                      {"cpu", inspect_machine().cpu_model},
                      {"patch", size},
                      {"first_pass_s", timing.first},
                      {"best_s", timing.best},
                      {"median_s", timing.median},
                      {"gflop", gflop},
                      {"gflops", gflop / timing.best},
                      {"peak_rss_mb", megabytes}};
    fmt::print("{}\n", result.dump());
    return;
  }
  for (const auto& t : timing.steps) fmt::print("{:7.1f} ms {:6.0f} GF/s  {} {}\n", 1e3*t.seconds, 2e-9*t.multiply_adds/t.seconds, t.work, t.layer);
  fmt::print("{}\n", engine->description());
  fmt::print("patch {} x {} x {}: {:.1f} GFLOP\n", size[0], size[1], size[2], gflop);
  fmt::print("first pass {:.3f} s, best {:.3f} s, median {:.3f} s, {:.0f} GFLOP/s, peak {:.0f} MB\n", timing.first,
             timing.best, timing.median, gflop / timing.best, megabytes);
}

void add_engine(CLI::App& bench) {
  const auto options = std::make_shared<EngineOptions>();
  CLI::App* command = bench.add_subcommand("engine", "Time one pass of a network");
  command->add_option("--model", options->model,
                      "Model name or checkpoint folder; none: nnInteractive's, random weights");
  command->add_option("--patch", options->patch, "Voxels on the three axes")->expected(3)->delimiter(',');
  command->add_option("--precision", options->precision)->check(CLI::IsMember({"auto", "fp32", "bf16"}));
  command->add_option("--threads", options->threads)->check(CLI::Range(1, 1024));
  command->add_option("--repeats", options->repeats, "Timed passes after the first")->check(CLI::Range(1, 1000));
  command->add_flag("--json", options->json, "One JSON object");
  command->callback([options] { bench_engine(*options); });
}

}  // namespace

void add_bench(CLI::App& app) {
  CLI::App* command = app.add_subcommand("bench", "Benchmarks to repeat on your machine");
  command->require_subcommand(1);
  add_engine(*command);
  add_bench_stream(*command);
}

}  // namespace sagittal::commands
