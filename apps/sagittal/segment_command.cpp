#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "choose_image.h"
#include "commands.h"
#include "interact/session.h"
#include "io/image_io.h"
#include "io/png.h"
#include "io/segmentation_io.h"
#include "model_options.h"
#include "picture.h"
#include "progress_bar.h"
#include "prompt_arguments.h"
#include "segment_names.h"
#include "segmentation_output.h"
#include "volume/dice.h"

namespace sagittal::commands {
namespace {

struct Options {
  std::string image;
  std::string output;
  ModelOptions model;
  io::ReadOptions read;
  std::string reference;
  std::string picture;
  std::string name;
  bool world = false;
  bool json = false;
  bool auto_zoom = true;
  std::map<std::string, std::vector<std::string>> typed;  ///< per prompt option
  std::vector<PromptArgument> prompts;                    ///< all of them, in the order typed
};

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

std::string_view type_name(const interact::Prompt& prompt) {
  return std::visit(
      Overloaded{
          [](const interact::PointPrompt&) { return "point"; }, [](const interact::BoxPrompt&) { return "box"; },
          [](const interact::PaintPrompt& p) { return p.kind == interact::PaintKind::lasso ? "lasso" : "scribble"; },
          [](const interact::InitPrompt&) { return "init"; }, [](const interact::UndoPrompt&) { return "undo"; }},
      prompt);
}

bool included(const interact::Prompt& prompt) {
  return std::visit(
      [](const auto& p) {
        if constexpr (requires { p.include; }) return p.include;
        return true;
      },
      prompt);
}

/// What one prompt did, for the report.
struct Step {
  interact::Prompt prompt;
  interact::Outcome outcome;
  double seconds = 0;
};

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Index3 reversed(const Index3& ijk) { return {ijk[2], ijk[1], ijk[0]}; }

std::vector<Step> apply_prompts(interact::Session& session, std::vector<interact::Prompt> prompts) {
  const bool predicts_at_once = prompts.size() == 1;  // an initial mask that nothing follows is refined itself
  std::vector<Step> steps;
  ProgressBar bar;
  for (interact::Prompt& prompt : prompts) {
    interact::PromptOptions options;
    options.control.sink = bar.sink();
    const auto begin = std::chrono::steady_clock::now();
    const interact::Outcome outcome = interact::apply(session, prompt, options, predicts_at_once);
    steps.push_back({std::move(prompt), outcome, seconds_since(begin)});
  }
  return steps;
}

void write_picture(const std::string& path, const Volume& image, const Volume& mask, const std::vector<Step>& steps) {
  std::vector<Marker> markers;
  for (const Step& step : steps) {
    const auto* point = std::get_if<interact::PointPrompt>(&step.prompt);
    if (point == nullptr) continue;
    Marker marker{{}, point->include};
    for (int axis = 0; axis < 3; ++axis) marker.ijk[axis] = std::llround(point->ijk[axis]);
    markers.push_back(marker);
  }
  constexpr int panel_height = 360;
  const Picture picture = draw_planes(image, mask.as<std::uint8_t>(), markers, panel_height);
  io::write_png(path, picture.width, picture.height, picture.rgb);
}

struct Report {
  std::string output;
  std::int64_t voxels = 0;
  double millilitres = 0;
  double load_seconds = 0;
  std::vector<Step> steps;
  std::optional<double> dice;
};

void print(const Report& report) {
  double total = 0;
  for (const Step& step : report.steps) {
    total += step.seconds;
    fmt::print("{:<9}{} {:6.2f} s  {:2d} passes\n", type_name(step.prompt), included(step.prompt) ? '+' : '-',
               step.seconds, step.outcome.passes);
  }
  fmt::print("{}: {} voxels, {:.1f} ml, {} prompt{} in {:.2f} s\n", report.output, report.voxels, report.millilitres,
             report.steps.size(), report.steps.size() == 1 ? "" : "s", total);
  if (report.dice) fmt::print("Dice {:.3f}\n", *report.dice);
}

void print_json(const Report& report) {
  Json steps = Json::array();
  for (const Step& step : report.steps) {
    steps.push_back({{"type", type_name(step.prompt)},
                     {"include", included(step.prompt)},
                     {"seconds", step.seconds},
                     {"passes", step.outcome.passes},
                     {"zoom", step.outcome.zoom}});
  }
  Json json{{"output", report.output},
            {"voxels", report.voxels},
            {"millilitres", report.millilitres},
            {"load_seconds", report.load_seconds},
            {"prompts", steps}};
  if (report.dice) json["dice"] = *report.dice;
  fmt::print("{}\n", json.dump());
}

/// A mask that carries what it is called, and where it came from: asked for by a name or by the kind of file.
bool has_segment(const Options& options) { return !options.name.empty() || io::is_segmentation_name(options.output); }

void write_segment(const Options& options, const Volume& mask, const std::optional<io::DicomSource>& source) {
  io::Segment segment;
  segment.colour = io::default_colour(segment.number);
  segment.name = "Segment 1";
  if (!options.name.empty()) name_segment_aloud(segment, options.name);
  segment.algorithm_type = io::AlgorithmType::semiautomatic;
  const std::filesystem::path model = options.model.models.front();
  segment.algorithm_name = fmt::format("Sagittal {}", model.filename().string());
  segment.mask = io::crop_mask(mask.as<std::uint8_t>(), mask.geometry().size);
  io::Segmentation segmentation;
  segmentation.geometry = mask.geometry();
  segmentation.segments.push_back(std::move(segment));
  write_placed(segmentation, source, options.output);
}

void run(const Options& options) {
  check_mask_output(options.output);
  const auto begin = std::chrono::steady_clock::now();
  const io::ReadOptions read = ask_what_is_open(options.image, options.read);
  const auto source = source_for(options.output, options.image, read);
  const Volume image = read_chosen_image(options.image, read);
  const Geometry& geometry = image.geometry();
  const auto space = options.world ? TypedSpace::world_ras_mm : TypedSpace::index_ijk;
  std::vector<interact::Prompt> prompts = read_prompt_arguments(options.prompts, space, geometry);
  std::optional<Volume> reference;
  if (!options.reference.empty()) reference = read_mask_on(options.reference, geometry);

  ThreadPool pool(options.model.threads);
  interact::Session session(load_models(options.model).front(), pool);
  session.set_auto_zoom(options.auto_zoom);
  session.set_image(reversed(geometry.size), store(image));

  Report report;
  report.output = options.output;
  report.load_seconds = seconds_since(begin);
  report.steps = apply_prompts(session, std::move(prompts));
  const Volume mask = make_volume<std::uint8_t>(geometry, session.mask());
  has_segment(options) ? write_segment(options, mask, source) : io::write_image(mask, options.output);
  for (const std::uint8_t voxel : mask.as<std::uint8_t>()) report.voxels += voxel;
  report.millilitres = static_cast<double>(report.voxels) * geometry.spacing_mm[0] * geometry.spacing_mm[1] *
                       geometry.spacing_mm[2] / 1000;
  if (reference) report.dice = dice(mask.as<std::uint8_t>(), reference->as<std::uint8_t>());
  if (!options.picture.empty()) write_picture(options.picture, image, mask, report.steps);
  options.json ? print_json(report) : print(report);
}

/// All prompt options in the order typed, which the parser keeps per option only.
std::vector<PromptArgument> in_typed_order(const CLI::App& command, const std::vector<CLI::Option*>& prompt_options) {
  std::vector<PromptArgument> arguments;
  std::map<const CLI::Option*, std::size_t> used;
  for (const CLI::Option* option : command.parse_order()) {
    if (std::find(prompt_options.begin(), prompt_options.end(), option) == prompt_options.end()) continue;
    arguments.push_back({option->get_name(), option->results().at(used[option]++)});
  }
  return arguments;
}

}  // namespace

void add_segment(CLI::App& app) {
  auto* command = app.add_subcommand("segment", "Segment one object from prompts, applied in the order given");
  const auto options = std::make_shared<Options>();
  command->add_option("IMAGE", options->image, "Image file or folder of DICOM slices")->required();
  command
      ->add_option("-o,--output", options->output,
                   "Mask to write, on the image's grid; .seg.nrrd and .dcm (DICOM SEG) keep its name")
      ->required();
  std::vector<CLI::Option*> prompts;
  const auto add_prompt = [&](const char* name, const char* help, const char* form) {
    prompts.push_back(command->add_option(name, options->typed[name], help)
                          ->type_name(form)
                          ->expected(1)
                          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll));
  };
  add_prompt("--point", "A click; a trailing ,- makes any prompt negative", "I,J,K[,-]");
  add_prompt("--box", "A box between two opposite corners, both inclusive; flat along one axis for 2D",
             "I0,J0,K0,I1,J1,K1[,-]");
  add_prompt("--scribble", "Painted voxels: a mask on the image's grid", "FILE[,-]");
  add_prompt("--lasso", "A filled outline: a mask on the image's grid", "FILE[,-]");
  add_prompt("--init", "Start from this mask", "FILE");
  add_prompt("--prompts", "Replay a prompts file", "FILE.json");
  command->add_flag("--world", options->world, "Coordinates are RAS millimetres instead of voxel indices");
  command->add_option("--series", options->read.series_uid, "Series instance UID, where a folder holds several");
  command->add_option("--frame", options->read.frame, "Volume of a 4D file, counted from 0");
  command->add_option("--name", options->name, "What it is: a term like LIVER gives its code and colour too");
  command->add_option("--reference", options->reference, "Print the Dice against this mask");
  command->add_option("--picture", options->picture, "Write a PNG of three planes with the mask and the prompts");
  add_model_options(*command, options->model);
  command->add_flag("!--no-auto-zoom", options->auto_zoom,
                    "Look around each prompt only, not from further away where an object is larger");
  command->add_flag("--json", options->json, "One JSON object");
  command->callback([command, prompts, options] {
    options->prompts = in_typed_order(*command, prompts);
    run(*options);
  });
}

}  // namespace sagittal::commands
