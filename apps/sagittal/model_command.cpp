#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "commands.h"
#include "hub/card_json.h"
#include "hub/local_models.h"
#include "interact/model.h"
#include "keras_folder.h"
#include "model_lookup.h"
#include "nn/checkpoint.h"
#include "nn/cost.h"
#include "nn/cpu/network.h"
#include "nn/model_folder.h"

namespace sagittal::commands {
namespace {

struct Arguments {
  std::string model;
  std::string configuration;
  nn::CheckpointOptions checkpoint;
  bool json = false;
};

/// The last `dimensions` axes: what a plan calls them in 2D and 3D.
std::vector<std::int64_t> axes_of(const nn::SpatialSize& size, int dimensions) {
  return {size.end() - dimensions, size.end()};
}

nn::SpatialSize three_axes(const std::vector<std::int64_t>& patch) {
  nn::SpatialSize size{1, 1, 1};
  std::copy_backward(patch.begin(), patch.end(), size.end());
  return size;
}

std::string_view name_of(nn::BlockKind block) {
  switch (block) {
    case nn::BlockKind::plain:
      return "plain convolutions";
    case nn::BlockKind::basic:
      return "residual blocks";
    case nn::BlockKind::bottleneck:
      break;
  }
  return "residual bottleneck blocks";
}

/// inference_info.json or its older form, as it stands in the folder; null where there is neither.
Json capabilities_of(const std::filesystem::path& folder) {
  constexpr std::size_t max_bytes = 1 << 20;
  for (const char* name : {"inference_info.json", "inference_session_class.json"}) {
    if (!std::filesystem::exists(folder / name)) continue;
    const Bytes text = read_file(folder / name, max_bytes);
    return parse_json(as_text(text), name);
  }
  return nullptr;
}

/// The checkpoint that answers prompts in place of the one in `folder`.
std::optional<nn::Checkpoint> open_guide(const std::filesystem::path& folder) {
  const std::string name = interact::read_declaration(folder).guide_folder;
  return name.empty() ? std::nullopt : std::optional(nn::open_checkpoint(folder / name));
}

/// Null where there is none.
Json guide_of(const std::filesystem::path& folder) {
  const auto guide = open_guide(folder);
  if (!guide) return nullptr;
  return {{"folder", guide->folder.string()}, {"parameters", guide->parameter_count()}};
}

Json describe_stages(const nn::UNet& network) {
  Json stages = Json::array();
  for (const nn::EncoderStage& stage : network.encoder) {
    Json row{{"features", stage.features},
             {"kernel", axes_of(stage.kernel, network.dimensions)},
             {"stride", axes_of(stage.stride, network.dimensions)},
             {"blocks", stage.blocks}};
    if (network.block == nn::BlockKind::bottleneck) row["bottleneck_features"] = stage.bottleneck_features;
    stages.push_back(row);
  }
  return stages;
}

Json describe(const nn::Checkpoint& checkpoint) {
  const nn::UNet& network = checkpoint.network;
  const bool bf16 = nn::cpu::automatic_precision() == nn::cpu::Precision::bf16;
  const double operations = 2 * nn::multiply_adds(network, three_axes(checkpoint.configuration.patch_size));
  return {{"name", checkpoint.name},
          {"folder", checkpoint.folder.string()},
          {"licence", checkpoint.licence},
          {"dataset", checkpoint.plans.dataset_name},
          {"configuration", checkpoint.configuration.name},
          {"trainer", checkpoint.trainer_name},
          {"network", name_of(network.block)},
          {"dimensions", network.dimensions},
          {"input_channels", network.input_channels},
          {"image_channels", checkpoint.image_channels},
          {"classes", network.output_channels},
          {"stages", describe_stages(network)},
          {"decoder_convolutions", network.decoder_convolutions},
          {"parameters", checkpoint.parameter_count()},
          {"patch", checkpoint.configuration.patch_size},
          {"gflop_per_patch", operations * 1e-9},
          {"precision", bf16 ? "bf16" : "fp32"},
          {"capabilities", capabilities_of(checkpoint.folder)},
          {"guide", guide_of(checkpoint.folder)},
          {"ignored_code", checkpoint.foreign_names}};
}

void print_network(const nn::UNet& network) {
  fmt::print("network       {}, {}D, {} -> {} channels\n", name_of(network.block), network.dimensions,
             network.input_channels, network.output_channels);
  fmt::print("              stage  features  kernel   stride   blocks\n");
  for (std::size_t s = 0; s < network.encoder.size(); ++s) {
    const nn::EncoderStage& stage = network.encoder[s];
    fmt::print("              {:<5}  {:<8}  {:<7}  {:<7}  {}\n", s, stage.features,
               fmt::format("{}", fmt::join(axes_of(stage.kernel, network.dimensions), "x")),
               fmt::format("{}", fmt::join(axes_of(stage.stride, network.dimensions), "x")), stage.blocks);
  }
}

void print_info(const nn::Checkpoint& checkpoint, const Json& described) {
  fmt::print("name          {}\n", checkpoint.name);
  fmt::print("licence       {}\n", checkpoint.licence);
  fmt::print("dataset       {}, configuration {}\n", checkpoint.plans.dataset_name, checkpoint.configuration.name);
  print_network(checkpoint.network);
  fmt::print("parameters    {}\n", checkpoint.parameter_count());
  fmt::print("patch         {} voxels, {:.1f} GFLOP\n", fmt::join(checkpoint.configuration.patch_size, " x "),
             described["gflop_per_patch"].get<double>());
  fmt::print("precision     {} on this processor\n", described["precision"].get<std::string>());
  fmt::print("capabilities  {}\n", described["capabilities"].is_null() ? "none declared: not a promptable model"
                                                                       : described["capabilities"].dump());
  if (const Json& guide = described["guide"]; !guide.is_null()) {
    fmt::print("guide         {}, {} parameters; it answers prompts in place of this network\n",
               guide["folder"].get<std::string>(), guide["parameters"].get<std::int64_t>());
  }
  if (!checkpoint.foreign_names.empty()) {
    fmt::print("ignored code  {}\n", fmt::join(checkpoint.foreign_names, ", "));
  }
}

/// What a model without prompts needs besides its network: what goes in, what comes out, on which grid.
Json describe_recipe(const nn::ModelFolder& model) {
  Json labels = Json::array();
  for (const nn::DatasetLabel& label : model.dataset.labels) {
    labels.push_back({{"name", label.name}, {"labels", label.values}});
  }
  return {{"kind", nn::name_of(model.kind)},
          {"channels", model.dataset.channel_names},
          {"labels", labels},
          {"regions_class_order", model.dataset.regions_class_order},
          {"folds", model.folds},
          {"spacing_mm", model.configuration.spacing_mm},
          {"normalization_schemes", model.configuration.normalization_schemes},
          {"previous_stage", model.configuration.previous_stage}};
}

void print_recipe(const nn::ModelFolder& model) {
  const nn::Configuration& configuration = model.configuration;
  fmt::print("kind          {}\n", nn::name_of(model.kind));
  fmt::print("channels      {}\n", fmt::join(model.dataset.channel_names, ", "));
  fmt::print("folds         {}\n", fmt::join(model.folds, ", "));
  if (!configuration.spacing_mm.empty())
    fmt::print("spacing       {} mm\n", fmt::join(configuration.spacing_mm, " x "));
  if (!configuration.previous_stage.empty()) fmt::print("stage before  {}\n", configuration.previous_stage);
  for (const nn::DatasetLabel& label : model.dataset.labels) {
    fmt::print("label {:<7} {}\n", fmt::format("{}", fmt::join(label.values, ",")), label.name);
  }
}

struct OpenModel {
  nn::ModelFolder folder;
  nn::Checkpoint checkpoint;
};

/// Of an nnU-Net model, the first fold where none is chosen: all are alike but for their weights.
OpenModel open_model(const Arguments& arguments) {
  OpenModel model;
  const auto folder = find_model_or_parent(arguments.model);
  model.folder =
      nn::describe_model_folder(folder, arguments.configuration, model_top(folder, default_data_directory()));
  nn::CheckpointOptions options = arguments.checkpoint;
  const bool automatic = model.folder.kind == nn::ModelKind::nnunet;
  if (automatic && options.fold.empty() && !model.folder.folds.empty()) options.fold = model.folder.folds[0];
  model.checkpoint = nn::open_checkpoint(model.folder.folder, options);
  model.checkpoint.licence = model.folder.licence;
  return model;
}

void show_info(const Arguments& arguments) {
  const auto [folder, checkpoint] = open_model(arguments);
  Json described = describe(checkpoint);
  described.update(describe_recipe(folder));
  if (arguments.json) {
    fmt::print("{}\n", described.dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    print_info(checkpoint, described);
    if (folder.kind == nn::ModelKind::nnunet) print_recipe(folder);
  }
}

void check_finite(const std::string& name, const std::vector<float>& values) {
  const auto broken = std::find_if_not(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
  if (broken == values.end()) return;
  throw Error(ErrorCode::bad_input, fmt::format("{} holds {} at element {}, expected finite numbers", name, *broken,
                                                broken - values.begin()));
}

/// One pass over the smallest input with two voxels per axis at the lowest resolution.
double run_once(const nn::Checkpoint& checkpoint) {
  const auto network = nn::cpu::make_network(checkpoint.network, checkpoint.weights);
  nn::SpatialSize size = checkpoint.network.total_stride();
  for (std::size_t axis = static_cast<std::size_t>(3 - checkpoint.network.dimensions); axis < 3; ++axis)
    size[axis] *= 2;
  constexpr std::size_t most_voxels = std::size_t{1} << 27;
  const auto voxels = static_cast<std::size_t>(size[0] * size[1] * size[2]);
  if (voxels > most_voxels) {
    throw Error(ErrorCode::too_large, fmt::format("the smallest input of this network has {} voxels", voxels));
  }
  std::vector<float> input(voxels * static_cast<std::size_t>(network->input_channels()));
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<float>(i % 17) / 8 - 1;
  std::vector<float> logits(voxels * static_cast<std::size_t>(network->output_channels()));
  const auto start = std::chrono::steady_clock::now();
  network->run(size, input, logits, {});
  check_finite("the network's answer", logits);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void verify(const Arguments& arguments) {
  const nn::Checkpoint checkpoint = open_model(arguments).checkpoint;
  for (const auto& [name, tensor] : checkpoint.weights.tensors) check_finite(name, nn::to_float(tensor));
  capabilities_of(checkpoint.folder);
  if (const auto guide = open_guide(checkpoint.folder)) {
    for (const auto& [name, tensor] : guide->weights.tensors) check_finite("guide: " + name, nn::to_float(tensor));
    run_once(*guide);
  }
  const double seconds = run_once(checkpoint);
  if (arguments.json) {
    const Json result{{"name", checkpoint.name},
                      {"ok", true},
                      {"tensors", checkpoint.weights.tensors.size()},
                      {"parameters", checkpoint.parameter_count()},
                      {"ignored_code", checkpoint.foreign_names}};
    fmt::print("{}\n", result.dump());
    return;
  }
  fmt::print("{}: {} tensors, {} parameters, all present and finite; a small pass took {:.2f} s\n", checkpoint.name,
             checkpoint.weights.tensors.size(), checkpoint.parameter_count(), seconds);
}

/// The model folders that names find, and what each is.
void list_models(const std::string& data_directory, bool json) {
  Json models = Json::array();
  for (const auto& folder : hub::find_local_models(model_directories(data_directory))) {
    const hub::ModelCard card = hub::read_local_card(folder);
    Json entry = hub::entry_json(card);
    entry["folder"] = card.folder;
    if (!json)
      fmt::print("{:<32}  {:<14}  {:<16}  {}\n", card.name, name_of(card.engine),
                 card.weights_licence.id.empty() ? "licence unknown" : card.weights_licence.id, card.folder);
    models.push_back(std::move(entry));
  }
  if (json) fmt::print("{}\n", Json{{"models", models}}.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void add_list(CLI::App& model) {
  struct Chosen {
    std::string data_directory = default_data_directory().string();
    bool json = false;
  };
  const auto chosen = std::make_shared<Chosen>();
  CLI::App* command = model.add_subcommand("list", "The models of this machine");
  command->add_option("--data-dir", chosen->data_directory, "Its folder models is looked through")
      ->capture_default_str();
  command->add_flag("--json", chosen->json, "One JSON object");
  command->callback([chosen] { list_models(chosen->data_directory, chosen->json); });
}

void add_action(CLI::App& model, const char* name, const char* help, void (*action)(const Arguments&)) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = model.add_subcommand(name, help);
  command->add_option("model", arguments->model, "Model name or checkpoint folder")->required();
  command->add_option("--configuration", arguments->configuration, "Which one, where the folder holds several");
  command->add_option("--fold", arguments->checkpoint.fold, "Fold: a number or \"all\"");
  command->add_option("--checkpoint", arguments->checkpoint.file_name, "File in the fold's folder");
  command->add_flag("--json", arguments->json, "One JSON object");
  command->callback([arguments, action] { action(*arguments); });
}

struct ConvertArguments {
  std::string file, folder;
  std::vector<std::string> labels;
  bool divide_by_maximum = false, flip_vertically = false, json = false;
};

void convert_keras(const ConvertArguments& arguments) {
  const std::filesystem::path file = arguments.file, folder = arguments.folder;
  const nn::Graph graph = convert_keras_file(
      file, folder, {file.stem().string(), {arguments.divide_by_maximum, arguments.flip_vertically}, arguments.labels});
  const nn::GraphShape& in = graph.inputs[0].shape;
  const nn::GraphShape& out = graph.shape_of(graph.outputs[0]);
  if (arguments.json) {
    fmt::print("{}\n", Json{{"folder", folder.string()},
                            {"name", graph.name},
                            {"input", {in.height, in.width, in.channels}},
                            {"output", {out.height, out.width, out.channels}},
                            {"multiply_adds", graph.multiply_adds()}}
                           .dump());
  } else {
    fmt::print("{}: {} x {} x {} to {} x {} x {}, {:.1f} million multiply-adds an image\n", folder.string(), in.height,
               in.width, in.channels, out.height, out.width, out.channels,
               static_cast<double>(graph.multiply_adds()) * 1e-6);
  }
}

void add_convert_keras(CLI::App& model) {
  const auto arguments = std::make_shared<ConvertArguments>();
  CLI::App* command = model.add_subcommand("convert", "A small 2D network of Keras 2 (.h5) for live streams");
  command->add_option("file", arguments->file, "Functional model, saved as HDF5")->required();
  command->add_option("-o,--output", arguments->folder, "Folder to write network.json and weights.safetensors to")
      ->required();
  command->add_flag("--divide-by-maximum", arguments->divide_by_maximum, "Images are divided by their maximum");
  command->add_flag("--flip-vertically", arguments->flip_vertically, "Images are flipped top to bottom, results back");
  command->add_option("--labels", arguments->labels, "Names of the output's channels, with commas")->delimiter(',');
  command->add_flag("--json", arguments->json, "One JSON object");
  command->callback([arguments] { convert_keras(*arguments); });
}

}  // namespace

void add_model(CLI::App& app) {
  CLI::App* command = app.add_subcommand("model", "What a checkpoint folder holds; nothing in it is executed");
  command->require_subcommand(1);
  add_list(*command);
  add_action(*command, "info", "Describe the network, its licence and its prompts", show_info);
  add_action(*command, "verify", "Read every tensor, check it against the plan and run a small pass", verify);
  add_convert_keras(*command);
  add_model_fetch(*command);
}

}  // namespace sagittal::commands
