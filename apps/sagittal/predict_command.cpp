#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/json.h"
#include "base/machine.h"
#include "base/text.h"
#include "choose_image.h"
#include "commands.h"
#include "hub/composed_task.h"
#include "hub/native_model.h"
#include "io/image_io.h"
#include "model_lookup.h"
#include "network_options.h"
#include "progress_bar.h"
#include "segment/ensemble.h"
#include "segment/model.h"
#include "segment/postprocess.h"
#include "segment/predict.h"
#include "segmentation_output.h"

namespace sagittal::commands {
namespace {

struct Options {
  std::string model;
  std::vector<std::string> configurations;
  std::vector<std::string> others;  // models that answer together with it
  std::vector<std::string> inputs;
  std::string output;
  std::string data_directory = default_data_directory().string();
  std::string folds;
  std::string previous;
  std::string postprocessing;
  std::string organs;  // of a composed task, separated by commas
  nn::DeviceChoice device;
  segment::LoadOptions load;
  io::ReadOptions read;
  double step = 0.5;
  bool mirror = true;
  bool json = false;
  segment::CompositionOptions asked;       // of composed tasks
  std::vector<std::string> model_choices;  // options given that composed tasks decide themselves
};

/// A model that answered, for the report.
struct Used {
  std::string name, dataset, configuration, engine;
  std::vector<std::string> folds;
};
Used used(const segment::Model& model) {
  const nn::ModelFolder& folder = model.folder;
  return {folder.name, folder.plans.dataset_name, folder.configuration.name, model.description(), model.folds};
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// "0,1"; "all" is the fold of that name, or where there is none, all of them.
std::vector<std::string> chosen_folds(const Options& options, const std::filesystem::path& model,
                                      const std::string& configuration) {
  std::vector<std::string> folds;
  if (options.folds.empty()) return folds;
  if (options.folds == "all") {
    const nn::ModelFolder folder = nn::describe_model_folder(model, configuration);
    const bool named = std::find(folder.folds.begin(), folder.folds.end(), "all") != folder.folds.end();
    return named ? std::vector<std::string>{"all"} : folder.folds;
  }
  for (const std::string_view fold : split(options.folds, ',')) folds.emplace_back(fold);
  const auto plain = [](const std::string& fold) {
    return !fold.empty() && std::all_of(fold.begin(), fold.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (std::all_of(folds.begin(), folds.end(), plain)) return folds;
  throw Error(ErrorCode::wrong_usage, fmt::format("--folds {}: expected numbers like 0,1 or all", options.folds));
}

hub::NativeModel load_one(const Options& options, const std::string& name, const std::string& configuration) {
  const auto folder = find_model_or_parent(name, options.data_directory);
  segment::LoadOptions load = options.load;
  load.configuration = configuration;
  load.folds = chosen_folds(options, folder, configuration);
  return hub::load_native_model(folder, load, options.previous.empty());
}

/// The model in each of its configurations that were asked for, and the others.
std::vector<hub::NativeModel> load(const Options& options) {
  std::vector<hub::NativeModel> models;
  if (options.configurations.empty()) models.push_back(load_one(options, options.model, ""));
  for (const std::string& names : options.configurations) {
    for (const std::string_view name : split(names, ',')) {
      models.push_back(load_one(options, options.model, std::string(name)));
    }
  }
  for (const std::string& other : options.others) models.push_back(load_one(options, other, ""));
  return models;
}

/// What was found of each label, for the report.
struct Finding {
  int label = 0;
  std::string name;
  std::int64_t voxels = 0;
};

std::vector<Finding> count_labels(const Volume& labels, const nn::Dataset& dataset) {
  std::vector<std::int64_t> voxels(std::size_t{1} << 16, 0);
  visit_voxels(labels, [&](const auto& values) {
    for (const auto value : values) ++voxels[static_cast<std::size_t>(value)];
  });
  std::vector<Finding> found;
  for (const int label : dataset.foreground()) {
    found.push_back({label, dataset.name_of(label), voxels[static_cast<std::size_t>(label)]});
  }
  return found;
}

bool can_overlap(const std::filesystem::path& output) {
  const auto extension = output.extension();
  return extension == ".nrrd" || extension == ".dcm";
}

struct Report {
  std::string model, dataset;
  std::vector<Used> used;
  std::vector<Finding> found;
  double voxel_ml = 0;
  double load_seconds = 0, read_seconds = 0, predict_seconds = 0, write_seconds = 0;
};

void print(const Options& options, const Report& report) {
  for (const Used& one : report.used) {
    fmt::print("model     {}, {}, fold{} {}\n", one.name, one.engine, one.folds.size() == 1 ? "" : "s",
               fmt::join(one.folds, ", "));
  }
  for (const Finding& finding : report.found) {
    if (finding.voxels == 0) continue;
    fmt::print("{:>5}     {:<32} {:>12} voxels {:>10.1f} ml\n", finding.label, finding.name, finding.voxels,
               static_cast<double>(finding.voxels) * report.voxel_ml);
  }
  const auto empty =
      std::count_if(report.found.begin(), report.found.end(), [](const auto& f) { return f.voxels == 0; });
  fmt::print("{}: {} of {} labels found, {:.2f} s\n", options.output,
             static_cast<std::ptrdiff_t>(report.found.size()) - empty, report.found.size(), report.predict_seconds);
}

void print_json(const Options& options, const Report& report) {
  Json together = Json::array();
  for (const Used& one : report.used) {
    together.push_back(
        {{"model", one.name}, {"dataset", one.dataset}, {"configuration", one.configuration}, {"folds", one.folds}});
  }
  const Used& first = report.used.front();
  Json labels = Json::array();
  for (const Finding& finding : report.found) {
    labels.push_back({{"label", finding.label},
                      {"name", finding.name},
                      {"voxels", finding.voxels},
                      {"millilitres", static_cast<double>(finding.voxels) * report.voxel_ml}});
  }
  const Json json{{"output", options.output},
                  {"model", report.model},
                  {"dataset", report.dataset},
                  {"configuration", first.configuration},
                  {"folds", first.folds},
                  {"models", together},
                  {"engine", first.engine},
                  {"labels", labels},
                  {"load_seconds", report.load_seconds},
                  {"read_seconds", report.read_seconds},
                  {"predict_seconds", report.predict_seconds},
                  {"write_seconds", report.write_seconds},
                  {"peak_memory_bytes", peak_resident_bytes()}};
  fmt::print("{}\n", json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

/// Read before the work begins: a file that is missing or wrong shall not cost a prediction.
hub::Cleaning cleaning_of(const Options& options, const std::vector<hub::NativeModel>& models) {
  hub::Cleaning cleaning;
  if (options.postprocessing.empty()) return cleaning;
  cleaning.first_stage = options.postprocessing != "none";
  cleaning.steps.emplace();
  if (options.postprocessing == "none") return cleaning;
  const bool automatic = options.postprocessing == "auto";
  if (automatic && models.size() > 1) {
    throw Error(ErrorCode::wrong_usage, "--postprocessing auto: models that answer together have none of their own");
  }
  const auto own = models[0].main->folder.folder / "postprocessing.json";
  *cleaning.steps = segment::read_postprocessing(automatic ? own : std::filesystem::path(options.postprocessing));
  return cleaning;
}

Volume run_models(const Options& options, const std::vector<hub::NativeModel>& models,
                  const std::vector<Volume>& channels, ThreadPool& pool) {
  const hub::Cleaning cleaning = cleaning_of(options, models);
  ProgressBar bar;
  segment::PredictOptions predict;
  predict.mirror = options.mirror;
  predict.step = options.step;
  predict.control.sink = bar.sink();
  std::optional<Volume> previous;
  if (!options.previous.empty()) previous = io::read_image(options.previous);
  if (previous) predict.previous = &*previous;
  return hub::predict_native(models, channels, predict, cleaning, pool);
}

struct Found {
  Volume labels;
  nn::Dataset dataset;
};

/// The images, on one grid.
std::vector<Volume> read_channels(const Options& options, const io::ReadOptions& read, Report& report) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<Volume> channels;
  for (const std::string& input : options.inputs) channels.push_back(read_chosen_image(input, read));
  const Vec3 mm = channels[0].geometry().spacing_mm;
  report.voxel_ml = mm[0] * mm[1] * mm[2] / 1000;
  report.read_seconds = seconds_since(begin);
  return channels;
}

Found find_with_models(const Options& options, const io::ReadOptions& read, Report& report) {
  if (!options.organs.empty() || options.asked.small_parts_mm3 > 0 || options.asked.thirds) {
    throw Error(ErrorCode::wrong_usage,
                "--organs, --small-parts and --force-split belong to the tasks of TotalSegmentator");
  }
  auto begin = std::chrono::steady_clock::now();
  const std::vector<hub::NativeModel> models = load(options);
  report.load_seconds = seconds_since(begin);
  for (const hub::NativeModel& model : models) report.used.push_back(used(*model.main));
  report.model = report.used[0].name;
  report.dataset = report.used[0].dataset;

  const std::vector<Volume> channels = read_channels(options, read, report);
  begin = std::chrono::steady_clock::now();
  ThreadPool pool(options.load.threads);
  Volume labels = run_models(options, models, channels, pool);
  report.predict_seconds = seconds_since(begin);
  return {std::move(labels), models[0].main->folder.dataset};
}

/// A task of several models, which also decides how they are run.
Found find_composed(const segment::Composition& task, const Options& options, const io::ReadOptions& read,
                    Report& report) {
  if (!options.model_choices.empty() || options.inputs.size() != 1) {
    throw Error(ErrorCode::wrong_usage,
                fmt::format("{} takes one image and decides for itself: without {}", options.model,
                            options.model_choices.empty() ? "more"
                                                          : fmt::format("{}", fmt::join(options.model_choices, ", "))));
  }
  ProgressBar bar;
  hub::ComposeOptions compose;
  compose.find_model = [&](const std::string& name) { return find_model_or_parent(name, options.data_directory); };
  compose.asked = options.asked;
  for (const std::string_view organ : split(options.organs, ',')) {
    if (!organ.empty()) compose.asked.organs.emplace_back(organ);
  }
  compose.load = options.load;
  compose.loaded = [&](const segment::Model& model) { report.used.push_back(used(model)); };
  compose.control.sink = bar.sink();
  hub::check_parts(task, compose);
  report.model = options.model;
  report.dataset = fmt::format("TotalSegmentator {}", task.task);
  const std::vector<Volume> channels = read_channels(options, read, report);
  const auto begin = std::chrono::steady_clock::now();
  ThreadPool pool(options.load.threads);
  segment::Composed found = hub::run_composed(task, channels[0], compose, pool);
  report.predict_seconds = seconds_since(begin);
  return {std::move(found.labels), std::move(found.dataset)};
}

void run(const Options& options) {
  check_mask_output(options.output);
  Report report;
  const io::ReadOptions read = ask_what_is_open(options.inputs[0], options.read);
  const auto source = source_for(options.output, options.inputs[0], read);
  const segment::Composition* task = hub::composed_task(options.model);
  const Found found =
      task != nullptr ? find_composed(*task, options, read, report) : find_with_models(options, read, report);

  const auto begin = std::chrono::steady_clock::now();
  const std::string author = report.dataset.empty() ? report.model : report.dataset;
  write_placed(hub::segmentation_of(found.labels, found.dataset, author, can_overlap(options.output)), source,
               options.output);
  report.write_seconds = seconds_since(begin);
  report.found = count_labels(found.labels, found.dataset);
  options.json ? print_json(options, report) : print(options, report);
}

void add_arithmetic_options(CLI::App& command, Options& options) {
  options.load.threads = available_cores();
  add_network_options(command, options.load.precision, options.load.threads, options.device);
  command.add_option("--data-dir", options.data_directory, "Where models and state are kept")->capture_default_str();
}

}  // namespace

void add_predict(CLI::App& app) {
  auto* command = app.add_subcommand("predict", "Segment an image with an nnU-Net model, without prompts");
  const auto options = std::make_shared<Options>();
  command
      ->add_option(
          "MODEL", options->model,
          "Model name, folder with plans.json or plans.pkl in it or one level below, or a task of TotalSegmentator: "
          "totalsegmentator_total")
      ->required();
  command->add_option("INPUT", options->inputs, "One image for each channel, in the model's order, or a DICOM folder")
      ->required();
  command
      ->add_option("-o,--output", options->output,
                   "Segmentation to write, on the image's grid; .nii.gz, .seg.nrrd and .dcm (DICOM SEG) keep the names")
      ->required();
  command
      ->add_option("--configuration", options->configurations,
                   "Which one, where the folder holds several; 2d,3d_fullres: both, by the mean of their probabilities")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command->add_option("--with", options->others, "Another model that answers together with MODEL, as an ensemble")
      ->type_name("MODEL")
      ->allow_extra_args(false);
  command->add_option("--folds", options->folds, "Folds that answer together: 0,1 or all; default: all numbered ones");
  command->add_option("--checkpoint", options->load.checkpoint, "File in each fold's folder");
  command->add_flag("--tta,!--no-tta", options->mirror, "The mean over mirrored passes, as nnU-Net does; default");
  command->add_option("--step", options->step, "Distance of tiles, as a part of their size")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 1.0));
  command->add_option("--previous", options->previous,
                      "Segmentation of a cascade's first stage, instead of running it");
  command->add_option("--postprocessing", options->postprocessing,
                      "Apply a postprocessing.json; auto: the one in the model's folder, as models of version 1 do "
                      "unasked; none: none");
  command->add_option("--organs", options->organs,
                      "Of a task of TotalSegmentator called total: only these, like liver,spleen, and faster");
  command->add_flag("--force-split", options->asked.thirds,
                    "Of a task of TotalSegmentator: in three parts along the body, as very large scans always are");
  command
      ->add_option("--small-parts", options->asked.small_parts_mm3,
                   "Of a task of TotalSegmentator: parts of a structure of up to so many mm3 go; it takes 200")
      ->type_name("MM3")
      ->check(CLI::Range(0.0, 1e9));
  command->add_option("--series", options->read.series_uid, "Series instance UID, where a folder holds several");
  command->add_option("--frame", options->read.frame, "Volume of a 4D file, counted from 0");
  add_arithmetic_options(*command, *options);
  command->add_flag("--json", options->json, "One JSON object");
  command->callback([options, command] {
    for (const char* name : {"--configuration", "--with", "--folds", "--checkpoint", "--tta", "--step", "--previous",
                             "--postprocessing"}) {
      if (command->count(name) > 0) options->model_choices.emplace_back(name);
    }
    options->load.devices = open_devices(options->device);
    run(*options);
  });
}

}  // namespace sagittal::commands
