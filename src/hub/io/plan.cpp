#include "hub/io/plan.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/card_parts.h"
#include "hub/io/structure_pattern.h"
#include "hub/plain_text.h"

namespace sagittal::hub {
namespace {

using Kind = NeededInput::Kind;
using Names = std::vector<std::string>;

constexpr std::size_t kMostPatterns = 50, kMostTargets = 200;

/// Names that a model's own code expects where its workflow leaves them free. Source: its sample data (mhub.toml).
struct FreeNames {
  std::string_view model, attribute;
  std::array<std::string_view, 3> names;
};
constexpr std::array<FreeNames, 1> kFreeNames{{{"gc_picai_baseline", "type", {"t2w", "adc", "hbv"}}}};

void add_once(Names& list, std::string one) {
  if (std::find(list.begin(), list.end(), one) == list.end()) list.push_back(std::move(one));
}

/// Radiographs come as either of two modalities.
Names image_modalities(const Names& card) {
  Names out;
  for (const std::string& one : card) {
    if (one == "SEG" || one == "RTSTRUCT") continue;
    add_once(out, one);
    if (one == "CR") add_once(out, "DX");
    if (one == "DX") add_once(out, "CR");
  }
  return out;
}

/// The values that queries of any step ask of a key: "dicom:part=ADC|T2" tells ADC and T2.
Names asked_values(const WorkflowSteps& steps, const std::string& key) {
  Names out;
  const auto look_at = [&](const Json& parameters) {
    for (const auto& item : parameters.items()) {
      if (!item.value().is_string()) continue;
      for (const std::string_view part : split(item.value().get_ref<const std::string&>(), ':')) {
        if (!part.starts_with(key + "=")) continue;
        for (const std::string_view value : split(part.substr(key.size() + 1), '|')) {
          if (!value.empty() && value != "*") add_once(out, std::string(value));
        }
      }
    }
  };
  for (const WorkflowStep& step : steps.steps) {
    look_at(step.shared);
    look_at(step.own);
  }
  return out;
}

Names names_of(const StructureLevel& level, std::string_view model, const WorkflowSteps& steps) {
  if (const auto name = name_for(level)) return {*name};
  if (level.kind == StructureLevel::Kind::expression) return {};
  for (const FreeNames& known : kFreeNames) {
    if (known.model == model && known.attribute == level.attribute) return {known.names.begin(), known.names.end()};
  }
  return asked_values(steps, level.attribute);
}

Kind kind_of(const DataType& type) {
  if (type.file == "dicom") return Kind::series;
  if (type.file == "dicomseg") return Kind::segmentation;
  if (type.file == "rtstruct") return Kind::structures;
  return Kind::file;
}

Names modalities_of(const DataType& type, const Names& card) {
  const auto mod = type.meta.find("mod");
  return image_modalities(mod == type.meta.end() ? card : parse_modalities(mod->second));
}

/// "ct" of "ct" and of "CT.nrrd", in lower case; what a file is where it may have any name.
std::string role_of(const StructureLevel& level, const std::string& name, const DataType& type) {
  if (type.file == "dicomseg") return "seg";
  if (level.kind != StructureLevel::Kind::expression) return lower_case(name.substr(0, name.find('.')));
  const auto mod = type.meta.find("mod");
  return lower_case(mod == type.meta.end() ? type.file : mod->second);
}

/// Reads the patterns of a FileStructureImporter. The first one says where the case begins; those that begin it
/// elsewhere describe other ways to give the same.
class StructureReader {
 public:
  StructureReader(WorkflowPlan& plan, const Names& card) : plan_(plan), card_(card) {}

  void read(const Names& texts) {
    if (texts.empty() || texts.size() > kMostPatterns) refuse("it lists no paths of its input");
    for (const std::string& text : texts) add(parse_structure(text));
  }

 private:
  [[noreturn]] static void refuse(std::string_view why) { throw Error(ErrorCode::unsupported, std::string(why)); }

  /// Levels above the case as they are written, which patterns of the same case share.
  static std::string root_of(const StructurePattern& pattern, std::size_t depth) {
    std::string root;
    for (std::size_t n = 0; n < std::min(depth, pattern.levels.size()); ++n) {
      const StructureLevel& level = pattern.levels[n];
      root += fmt::format("/{}${}", level.text, level.attribute);
    }
    return root;
  }

  void add(const StructurePattern& pattern) {
    if (plan_.inputs.empty()) {
      depth_ = pattern.instance_depth();
      if (depth_ == 0) refuse("it does not say where a case begins");
      // A file that is a case by itself shares no folder with others.
      root_depth_ = std::min(depth_, pattern.levels.size() - 1);
      root_ = root_of(pattern, root_depth_);
      for (std::size_t n = 0; n < depth_; ++n)
        plan_.fixed_attributes.merge(Attributes(pattern.levels[n].fixed_attributes));
    } else if (root_of(pattern, root_depth_) != root_ ||
               (pattern.instance_depth() != 0 && pattern.instance_depth() != depth_)) {
      return;
    }
    if (pattern.data() == nullptr) return;
    place("", pattern, 0);
  }

  /// Follows the levels; a free one below the case branches into each name that it may have.
  void place(const std::string& above, const StructurePattern& pattern, std::size_t at) {
    const StructureLevel& level = pattern.levels[at];
    const bool last = at + 1 == pattern.levels.size();
    Names names;
    if (level.kind == StructureLevel::Kind::free && at < depth_ && !last) {
      names = {"$" + level.attribute};
    } else {
      names = names_of(level, plan_.model, plan_.steps);
    }
    if (names.empty()) refuse(fmt::format("only its own code knows the names of what lies in '{}'", above));
    for (const std::string& name : names) {
      const std::string path = above.empty() ? name : fmt::format("{}/{}", above, name);
      last ? finish(path, level, name) : place(path, pattern, at + 1);
    }
  }

  void finish(const std::string& path, const StructureLevel& level, const std::string& name) {
    const DataType& type = *level.data;
    NeededInput input{.role = role_of(level, name, type), .kind = kind_of(type), .place = path};
    if (input.kind == Kind::series) input.modalities = modalities_of(type, card_);
    if (input.kind == Kind::file) input.file_type = type.file;
    plan_.inputs.push_back(std::move(input));
  }

  WorkflowPlan& plan_;
  const Names& card_;
  std::size_t depth_ = 0, root_depth_ = 0;
  std::string root_;
};

void read_dicom_importer(const Names& card, WorkflowPlan& plan) {
  plan.inputs.push_back({.kind = Kind::series, .modalities = image_modalities(card), .place = "$series"});
  const auto joined = [&](std::string_view module, const char* role, Kind kind) {
    if (plan.steps.find(module) != nullptr) plan.inputs.push_back({.role = role, .kind = kind, .place = "$series"});
  };
  joined("DsegExtractor", "seg", Kind::segmentation);
  joined("RTStructExtractor", "rtstruct", Kind::structures);
}

/// Files beside the rest, named by the series that they belong to.
void read_file_importer(const WorkflowStep& step, WorkflowPlan& plan) {
  const std::string type = lower_case(step.text("type", ""));
  if (type.empty()) throw Error(ErrorCode::unsupported, "it reads files of a type that it does not name");
  plan.inputs.push_back({.role = type, .kind = Kind::file, .file_type = type, .place = "$sid." + type});
}

void read_importers(const Names& card, WorkflowPlan& plan) {
  for (const WorkflowStep& step : plan.steps.steps) {
    if (step.module == "DicomImporter") {
      read_dicom_importer(card, plan);
    } else if (step.module == "FileStructureImporter") {
      StructureReader(plan, card).read(step.texts("structures"));
    } else if (step.module == "FileImporter") {
      read_file_importer(step, plan);
    } else if (step.module == "NrrdImporter") {
      const std::string name = step.text("input_file_name", "image.nrrd");
      static_cast<void>(TargetPath(name));  // stays below the folder
      plan.inputs.push_back({.kind = Kind::file, .file_type = "nrrd", .place = name});
    }
  }
  if (plan.inputs.empty()) throw Error(ErrorCode::unsupported, "none of its steps reads an input that is known here");
}

/// One input needs no name; images beside one another are known by their modality.
void name_roles(std::vector<NeededInput>& inputs) {
  if (inputs.size() == 1) {
    inputs.front().role.clear();
    return;
  }
  for (NeededInput& input : inputs) {
    if (!input.role.empty()) continue;
    input.role = input.modalities.empty() ? "image" : lower_case(input.modalities.front());
  }
  for (std::size_t n = 1; n < inputs.size(); ++n) {
    const auto same = [&](const NeededInput& other) { return other.role == inputs[n].role; };
    const auto before = inputs.begin() + static_cast<std::ptrdiff_t>(n);
    if (std::any_of(inputs.begin(), before, same)) inputs[n].role += fmt::format("_{}", n + 1);
  }
}

void read_targets(WorkflowPlan& plan) {
  for (const WorkflowStep& step : plan.steps.steps) {
    if (step.module != "DataOrganizer") continue;
    for (const std::string& text : step.texts("targets")) {
      if (plan.targets.size() == kMostTargets) throw Error(ErrorCode::bad_input, "it has too many targets");
      plan.targets.push_back(parse_target(text));
    }
  }
  if (plan.targets.empty()) throw Error(ErrorCode::unsupported, "it does not say what it writes");
}

}  // namespace

WorkflowPlan plan_of(std::string_view model, std::string_view workflow, std::string_view yaml,
                     const std::vector<std::string>& modalities) {
  const std::string where = fmt::format("the workflow '{}' of {}", plain_line(workflow, 80), plain_line(model, 80));
  try {
    WorkflowPlan plan;
    plan.model = model;
    plan.workflow = workflow;
    plan.text = yaml;
    plan.steps = read_workflow_steps(yaml, "its file");
    read_importers(modalities, plan);
    name_roles(plan.inputs);
    read_targets(plan);
    plan.is_dicom = std::all_of(plan.inputs.begin(), plan.inputs.end(),
                                [](const NeededInput& input) { return input.kind != Kind::file; });
    return plan;
  } catch (Error& error) {
    throw error.within(where);
  }
}

std::string describe(const NeededInput& input) {
  const std::string role = input.role.empty() ? "" : input.role + ": ";
  switch (input.kind) {
    case Kind::segmentation:
      return role + "a DICOM SEG object";
    case Kind::structures:
      return role + "an RTSTRUCT object";
    case Kind::file:
      return fmt::format("{}a file ({})", role, input.file_type);
    case Kind::series:
      break;
  }
  if (input.modalities.empty()) return role + "a DICOM series";
  return fmt::format("{}a DICOM series ({})", role, fmt::join(input.modalities, " or "));
}

}  // namespace sagittal::hub
