#include "hub/run_inputs.h"

#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/card_parts.h"
#include "hub/composed_task.h"
#include "hub/io/host_workflow.h"
#include "hub/plain_text.h"
#include "nn/model_folder.h"

namespace sagittal::hub {
namespace {

using Kind = NeededInput::Kind;
using Names = std::vector<std::string>;

constexpr const char* kWhat = "a model card";
const Names kImages{"nifti", "nrrd", "metaimage"};

Names with_dicom(const Names& others) {
  Names all{"dicom"};
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::series:
      return "series";
    case Kind::segmentation:
      return "segmentation";
    case Kind::structures:
      return "structures";
    case Kind::file:
      break;
  }
  return "file";
}

/// Images are turned into the file that is read, whatever they come as.
bool is_image(const std::string& file_type) {
  return file_type == "nifti" || file_type == "nrrd" || file_type == "mha";
}

RunInput input_of(const NeededInput& need, bool takes_volumes) {
  RunInput input{need.role, kind_name(need.kind), need.modalities, {"dicom"}, describe(need)};
  if (need.kind == Kind::series && takes_volumes) input.accepts = with_dicom(kImages);
  if (need.kind != Kind::file) return input;
  const bool any_image = is_image(need.file_type);
  if (any_image) input.kind = "image";
  input.accepts = any_image ? with_dicom(kImages) : Names{need.file_type};
  return input;
}

/// Why the plan takes DICOM only; empty where images of other formats are given to the model as it reads them.
std::string why_no_volumes(const WorkflowPlan& plan) {
  if (!plan.is_dicom) return {};
  const Names& modalities = plan.inputs.front().modalities;
  try {
    static_cast<void>(host_workflow(plan, modalities.empty() ? "CT" : modalities.front()));
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

/// Those that the card lists; where it came without its files, the default one only, so that nobody has this program
/// ask a server for names of their own.
void check_workflow(const Json& card, const RunInputs& inputs) {
  if (inputs.workflow == "default") return;
  for (const Json& one : json_get<std::vector<Json>>(card, "workflows", kWhat)) {
    if (json_get<std::string>(one, "name", kWhat) == inputs.workflow) return;
  }
  throw Error(ErrorCode::not_found,
              fmt::format("{} has no workflow '{}'", inputs.model, plain_line(inputs.workflow, 80)));
}

void read_plan(Hub& hub, const Json& card, RunInputs& out, const RunControl& control) {
  if (out.workflow.empty()) out.workflow = "default";
  check_workflow(card, out);
  const std::string text = hub.workflow(out.model, out.workflow, control);
  const WorkflowPlan plan = plan_of(out.model, out.workflow, text, json_get<Names>(card, "modalities", kWhat));
  out.volumes_refused = why_no_volumes(plan);
  for (const NeededInput& need : plan.inputs) out.inputs.push_back(input_of(need, out.volumes_refused.empty()));
}

RunInput image_input(std::string role, const std::string& name) {
  RunInput input{.role = std::move(role), .kind = "image", .accepts = with_dicom(kImages)};
  input.accepts.emplace_back("numpy");
  input.description = fmt::format("{}an image ({})", input.role.empty() ? "" : input.role + ": ", name);
  return input;
}

/// Tasks composed of several models take one scan.
void read_task(const Json& card, RunInputs& out) {
  const auto modalities = json_get<Names>(card, "modalities", kWhat);
  out.inputs.push_back(image_input({}, fmt::format("{}", fmt::join(modalities, " or "))));
  out.inputs.back().modalities = modalities;
}

/// Channels are named by hand: only words that are modalities count.
void read_channels(const Json& card, RunInputs& out) {
  const std::filesystem::path folder = json_get<std::string>(card, "folder", kWhat);
  const nn::ModelFolder model = out.workflow.empty() ? nn::describe_model_folder(nn::find_model_folders(folder).at(0))
                                                     : nn::describe_model_folder(folder, out.workflow);
  out.workflow = model.configuration.name;
  const Names& channels = model.dataset.channel_names;
  for (const std::string& channel : channels) {
    const std::string name = plain_line(channel, 64);
    RunInput input = image_input(channels.size() > 1 ? lower_case(channel) : std::string(), name);
    for (const std::string& modality : parse_modalities(name)) {
      const bool is_one = modality == "CT" || modality == "MR" || modality == "PT" || modality == "US";
      if (is_one) input.modalities.push_back(modality);
    }
    out.inputs.push_back(std::move(input));
  }
}

}  // namespace

RunInputs run_inputs(Hub& hub, const Json& card, const std::string& workflow, const RunControl& control) {
  RunInputs out{
      json_get<std::string>(card, "name", kWhat), json_get<std::string>(card, "source", kWhat), workflow, {}, {}};
  if (out.source == "local" && composed_task(out.model) != nullptr) {
    read_task(card, out);
  } else if (out.source == "local") {
    read_channels(card, out);
  } else {
    read_plan(hub, card, out, control);
  }
  return out;
}

Json to_json(const RunInputs& inputs) {
  Json list = Json::array();
  for (const RunInput& input : inputs.inputs) {
    list.push_back({{"role", input.role},
                    {"kind", input.kind},
                    {"modalities", input.modalities},
                    {"accepts", input.accepts},
                    {"description", input.description}});
  }
  const bool accepted = inputs.volumes_refused.empty();
  return {{"model", inputs.model},
          {"source", inputs.source},
          {"workflow", inputs.workflow},
          {"inputs", std::move(list)},
          {"volumes", {{"accepted", accepted}, {"reason", accepted ? Json() : Json(inputs.volumes_refused)}}}};
}

}  // namespace sagittal::hub
