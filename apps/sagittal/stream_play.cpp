#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "commands.h"
#include "io/device_set.h"
#include "stream/json_text.h"
#include "stream_operators.h"
#include "stream_options.h"
#include "stream_watch.h"

namespace sagittal::commands {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSource = "source";

struct PlayOptions {
  std::string source, host = "127.0.0.1", device, transform, device_set;
  int port = 18944;
  double speed = 1, frame_rate = 0, seconds = 0;
  bool loop = false, now = false, json = false, quiet = false;
};

/// Of a recording in Holoscan's format: its name, given one of its files, or the folder that holds it alone.
std::string recording_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(folder, failure)) {
    if (entry.path().extension() == ".gxf_index") names.push_back(entry.path().stem().string());
  }
  if (names.size() > 1) {
    throw Error(ErrorCode::wrong_usage, fmt::format("{} holds several recordings ({}): name one of their files",
                                                    folder.string(), fmt::join(names, ", ")));
  }
  return names.empty() ? "" : names[0];
}

stream::PipelineFile::Part replayer(const fs::path& folder, const std::string& name, const PlayOptions& options) {
  return {kSource,
          "replayer",
          {{"directory", fs::absolute(folder).string()},
           {"basename", name},
           {"repeat", options.loop},
           {"frame_rate", options.frame_rate},
           {"speed", options.speed}}};
}

stream::PipelineFile::Part images(const PlayOptions& options) {
  constexpr double usual_rate = 10;
  const double rate = options.frame_rate > 0 ? options.frame_rate : usual_rate;
  return {kSource,
          "image_folder",
          {{"folder", fs::absolute(options.source).string()},
           {"device", options.device.empty() ? "Image" : options.device},
           {"repeat", options.loop},
           {"frame_rate", rate * options.speed}}};
}

Json calibration_of(const std::string& device_set) {
  Json all = Json::object();
  if (device_set.empty()) return all;
  for (const auto& [name, affine] : io::read_device_set(device_set).transforms) all[name.text()] = rows_of(affine);
  return all;
}

stream::PipelineFile::Part sequence(const PlayOptions& options) {
  return {kSource,
          "sequence_file",
          {{"file", fs::absolute(options.source).string()},
           {"device", options.device.empty() ? "Image" : options.device},
           {"repeat", options.loop},
           {"frame_rate", options.frame_rate},
           {"speed", options.speed},
           {"transform", options.transform},
           {"calibration", calibration_of(options.device_set)}}};
}

stream::PipelineFile::Part source_of(const PlayOptions& options) {
  const fs::path path(options.source);
  std::error_code failure;
  if (!fs::exists(path, failure)) throw Error(ErrorCode::not_found, fmt::format("there is no {}", options.source));
  const bool placed = !options.transform.empty() || !options.device_set.empty();
  if (path.extension() == ".gxf_index" || path.extension() == ".gxf_entities") {
    return replayer(path.parent_path(), path.stem().string(), options);
  }
  if (!fs::is_directory(path, failure)) return sequence(options);
  if (placed) throw Error(ErrorCode::wrong_usage, "--transform and --device-set are for a sequence file");
  const std::string name = recording_in(path);
  return name.empty() ? images(options) : replayer(path, name, options);
}

stream::PipelineFile pipeline_of(const PlayOptions& options) {
  stream::PipelineFile pipeline;
  pipeline.operators.push_back(source_of(options));
  pipeline.operators[0].options.enabled = options.now;
  const std::string type = pipeline.operators[0].type;
  const Json server{
      {"role", "server"}, {"host", options.host}, {"port", options.port}, {"share", "viewers"}, {"when_full", "drop"}};
  Json frames = server;
  frames["device"] = options.device;
  pipeline.operators.push_back({"frames", "igtl_output", frames});
  pipeline.flows.push_back({type == "image_folder" ? "source.out" : "source.frame", "frames", {.capacity = 4}});
  if (type == "sequence_file") {
    pipeline.operators.push_back({"poses", "igtl_output", server});
    pipeline.flows.push_back({"source.transform", "poses", {.capacity = 64}});
  }
  pipeline.run.stop_on_deadlock = false;  // it may wait for a viewer
  if (options.seconds > 0) {
    pipeline.run.max_duration = std::chrono::nanoseconds(static_cast<std::int64_t>(options.seconds * 1e9));
  }
  return pipeline;
}

std::string line_of(const stream::Statistics& now) {
  const Json counters = counters_of(now, "frames");
  return fmt::format("{:.0f} s  sent {} messages, dropped {}  viewers {}",
                     std::chrono::duration<double>(now.elapsed).count(), counters.value("sent", 0),
                     counters.value("dropped", 0), counters.value("peers", Json::array()).size());
}

void play(const PlayOptions& options) {
  const stream::OperatorRegistry registry = stream_operators({});
  bool waiting = !options.now, said = options.quiet;
  StreamWatch watch{.lines = !options.quiet && !options.json,
                    .line = [](const auto&, const auto& now) { return line_of(now); },
                    .look = {}};
  watch.look = [&](stream::PipelineRun& run) {
    if (!waiting && said) return;
    const Json counters = run.command("frames", "connections", Json::object());
    if (!std::exchange(said, true)) {
      fmt::print(stderr, "sagittal: {} at {}:{}{}\n", options.source, options.host, counters.value("port", 0),
                 waiting ? ", from the moment that a viewer connects" : "");
    }
    if (!waiting || counters.value("connects", 0) == 0) return;
    waiting = false;
    run.enable(kSource, true);
  };
  const auto [statistics, outcome] = watch_stream(pipeline_of(options), registry, watch);
  if (options.json) {
    fmt::print("{}\n", stream::json_text(stream::to_json(statistics)));
  } else if (!options.quiet) {
    fmt::print("{}\n", line_of(statistics));
  }
  check_outcome(outcome);
}

}  // namespace

void add_stream_play(CLI::App& stream) {
  const auto options = std::make_shared<PlayOptions>();
  auto* command = stream.add_subcommand("play", "Play a recording to 3D Slicer and other OpenIGTLink clients");
  command
      ->add_option("source", options->source,
                   "A sequence file of Plus (.igs.mha, .igs.nrrd), a recording (folder or .gxf_index), or a folder "
                   "of images")
      ->type_name("FILE|FOLDER")
      ->required();
  command->add_option("--port", options->port, "Where clients connect; 0: any that is free")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535));
  command->add_option("--host", options->host, "Address to listen on; 0.0.0.0 lets other computers watch")
      ->capture_default_str();
  command->add_flag("--loop", options->loop, "Begin again after the end");
  command->add_flag("--now", options->now, "Begin at once; else when the first client connects");
  command->add_option("--speed", options->speed, "2: twice as fast as it was recorded")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 100.0));
  command->add_option("--frame-rate", options->frame_rate, "Frames a second; default: as recorded, 10 for images")
      ->check(CLI::Range(0.01, 10000.0));
  command->add_option("--seconds", options->seconds, "End after this time")->check(CLI::Range(0.001, 1e9));
  command->add_option("--device", options->device, "Name of the images; default: Image, or as recorded");
  command->add_option("--transform", options->transform, "That places the images, as ImageToReference");
  command->add_option("--device-set", options->device_set, "Plus's file with the calibration, ImageToProbe")
      ->type_name("FILE.xml");
  command->add_flag("--quiet", options->quiet, "No words");
  command->add_flag("--json", options->json, "How it went, as one JSON object");
  command->callback([options] { play(*options); });
}

}  // namespace sagittal::commands
