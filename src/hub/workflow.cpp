#include "hub/workflow.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "base/yaml.h"
#include "hub/plain_text.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kMostSteps = 100;

/// Modules of MHub's framework: they read, convert and sort, but segment nothing.
constexpr std::array<std::string_view, 21> kFramework{
    "DicomImporter",      "FileStructureImporter", "FileImporter",  "NrrdImporter",      "AttributeFilter",
    "FileFilter",         "NiftiConverter",        "MhaConverter",  "NrrdConverter",     "TiffConverter",
    "PngConverter",       "DsegConverter",         "DsegExtractor", "RTStructConverter", "ReportExporter",
    "RTStructExtractor",  "JsonSegExporter",       "DataOrganizer", "FileRemover",       "DataSorter",
    "BamfProcessorRunner"};  // the last one reads the image, changes nothing

struct Runner {
  std::string_view module;
  ModelEngine engine;
};
constexpr std::array<Runner, 3> kRunners{{{"NNUnetRunner", ModelEngine::nnunet_v1},
                                          {"MRSegmentatorMLRunner", ModelEngine::nnunet_v2},
                                          {"TotalSegmentatorMLRunner", ModelEngine::totalsegmentator}}};

/// A step as its module's name; its own parameters come before those under `modules`.
struct Step {
  std::string module;
  Loose own;
  Loose shared;

  std::vector<std::string> lines(const char* key) const {
    const auto here = own.lines(key);
    return here.empty() ? shared.lines(key) : here;
  }
};

std::vector<Step> read_steps(const Loose& file, std::vector<std::string>& warnings) {
  static const Json none;
  std::vector<Step> steps;
  const Loose modules = file.object("modules");
  const Json& listed = file.json().at("execute");
  if (!listed.is_array()) {
    file.warn("`execute` is no list of steps");
    return steps;
  }
  for (std::size_t n = 0; n < std::min(listed.size(), kMostSteps); ++n) {
    const Loose own(listed[n].is_string() ? none : listed[n], fmt::format("execute[{}]", n), warnings);
    std::string module =
        listed[n].is_string() ? plain_line(listed[n].get<std::string>(), 100) : own.line("module", 100);
    if (module.empty()) {
      file.warn(fmt::format("step {} of `execute` names no module", n + 1));
      continue;
    }
    const Loose shared = modules.object(module.c_str());
    steps.push_back({std::move(module), own, shared});
  }
  return steps;
}

void append_once(std::vector<std::string>& to, std::vector<std::string> more) {
  for (std::string& one : more) {
    if (std::find(to.begin(), to.end(), one) == to.end()) to.push_back(std::move(one));
  }
}

/// "A,B" or a list of such.
std::vector<std::string> ids_of(const std::vector<std::string>& texts) {
  std::vector<std::string> ids;
  for (const std::string& text : texts) {
    for (const std::string_view part : split(text, ',')) {
      if (std::string id = structure_of(part).id; !id.empty()) ids.push_back(std::move(id));
    }
  }
  return ids;
}

std::string path_of_target(const std::string& target) {
  const auto arrow = target.find("-->");
  return arrow == std::string::npos ? target : target.substr(arrow + 3);
}

void read_parameters(const Step& step, Workflow& workflow) {
  if (step.module == "FileStructureImporter") append_once(workflow.layout, step.lines("structures"));
  if (step.module == "DataOrganizer") {
    for (const std::string& target : step.lines("targets")) workflow.outputs.push_back(path_of_target(target));
    return;
  }
  for (const char* key : {"in_data", "in_datas", "input_data_type"}) append_once(workflow.inputs, step.lines(key));
  const bool makes_segments = !is_framework(step.module);
  if (makes_segments) append_once(workflow.structures, ids_of(step.lines("roi")));
}

}  // namespace

bool is_framework(std::string_view module) {
  return std::find(kFramework.begin(), kFramework.end(), module) != kFramework.end();
}

std::optional<WorkflowFile> read_workflow(std::string_view name, std::string_view yaml,
                                          std::vector<std::string>& warnings) {
  const std::string where = fmt::format("config/{}.yml", name);
  const Json parsed = parse_yaml(yaml, where);
  if (!parsed.is_object() || !parsed.contains("execute")) return std::nullopt;
  const Loose file(parsed, where + ":", warnings);
  WorkflowFile out;
  out.workflow.name = name;
  out.workflow.text = yaml;
  out.workflow.description = file.object("general").line("description");
  for (const Step& step : read_steps(file, warnings)) {
    out.workflow.steps.push_back(step.module);
    read_parameters(step, out.workflow);
  }
  out.own_segments = read_own_segments(file.object("segdb"));
  return out;
}

ModelEngine engine_of(const std::vector<Workflow>& workflows) {
  if (workflows.empty()) return ModelEngine::unknown;
  std::vector<std::string> runners;
  for (const std::string& step : workflows.front().steps) {
    if (!is_framework(step)) runners.push_back(step);
  }
  if (runners.size() != 1) return ModelEngine::other;
  const auto* known = std::find_if(kRunners.begin(), kRunners.end(),
                                   [&](const Runner& runner) { return runner.module == runners.front(); });
  return known == kRunners.end() ? ModelEngine::other : known->engine;
}

void apply_labels(const Workflow& workflow, const OwnSegments& own, std::vector<CardOutput>& outputs) {
  std::vector<CardOutput*> segmentations;
  for (CardOutput& output : outputs) {
    if (output.type == "segmentation") segmentations.push_back(&output);
  }
  const auto runners = std::count_if(workflow.steps.begin(), workflow.steps.end(),
                                     [](const std::string& step) { return !is_framework(step); });
  if (segmentations.size() != 1 || runners != 1 || workflow.structures.empty()) return;
  std::vector<Structure> ordered;
  for (const std::string& id : workflow.structures) {
    Structure structure = structure_of(id, own);
    structure.label = static_cast<int>(ordered.size()) + 1;
    ordered.push_back(std::move(structure));
  }
  for (Structure& structure : segmentations.front()->structures) {
    const bool listed =
        std::any_of(ordered.begin(), ordered.end(), [&](const auto& s) { return s.id == structure.id; });
    if (!listed) ordered.push_back(std::move(structure));
  }
  segmentations.front()->structures = std::move(ordered);
}

}  // namespace sagittal::hub
