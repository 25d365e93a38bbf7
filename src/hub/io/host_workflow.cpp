#include "hub/io/host_workflow.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace sagittal::hub {
namespace {

struct Converter {
  std::string_view module, type, ending;
};
constexpr std::array<Converter, 3> kConverters{
    {{"NiftiConverter", "nifti", ".nii.gz"}, {"MhaConverter", "mha", ".mha"}, {"NrrdConverter", "nrrd", ".nrrd"}}};
constexpr std::string_view kAllSegments = "nifti|nrrd|mha:mod=seg:roi=*";  // DsegConverter's own default

[[noreturn]] void refuse(const WorkflowPlan& plan, std::string_view why) {
  throw Error(ErrorCode::unsupported,
              fmt::format("{} takes DICOM only ({}); give it the scan as DICOM", plan.model, why));
}

const Converter* converter_of(const WorkflowStep& step) {
  const auto* found = std::find_if(kConverters.begin(), kConverters.end(),
                                   [&](const Converter& one) { return one.module == step.module; });
  return found == kConverters.end() ? nullptr : found;
}

bool asks_for_segments(std::string_view query) { return query.find(":mod=seg") != std::string_view::npos; }
bool asks_for_dicom(std::string_view query) { return lower_case(query).find("dicom") != std::string::npos; }

/// A parameter of a model's own module that names DICOM data.
bool reads_dicom(const WorkflowStep& step) {
  for (const Json* from : {&step.own, &step.shared}) {
    for (const auto& item : from->items()) {
      for (const std::string& text : step.texts(item.key())) {
        if (text.starts_with("dicom")) return true;
      }
    }
  }
  return false;
}

Json listed(const WorkflowStep& step) {
  if (step.own.empty()) return step.module;
  Json out = step.own;
  out["module"] = step.module;
  return out;
}

/// Builds the chain; each step's parameters stay as they are.
class HostBuilder {
 public:
  HostBuilder(const WorkflowPlan& plan, const std::string& modality) : plan_(plan), modality_(modality) {}

  HostWorkflow build() {
    for (const WorkflowStep& step : plan_.steps.steps) add(step);
    if (converter_ == nullptr) refuse(plan_, "no step of it turns DICOM into a file");
    const std::string place =
        fmt::format("$sid@instance/image{}@{}:mod={}", converter_->ending, converter_->type, lower_case(modality_));
    modules_["FileStructureImporter"] = {{"input_dir", "input_data"}, {"structures", {place}}, {"import_id", "sid"}};
    finish_targets();
    const Json file{{"general", {{"data_base_dir", "/app/data"}, {"version", "1.0"}, {"description", "file to file"}}},
                    {"execute", execute_},
                    {"modules", modules_}};
    HostWorkflow out{file.dump(2, ' ', true), std::string(converter_->type), {}};
    out.plan = plan_of(plan_.model, plan_.workflow, out.text, {modality_});
    out.plan.steps.own_segments = plan_.steps.own_segments;
    return out;
  }

 private:
  void add(const WorkflowStep& step) {
    if (step.module == "DicomImporter") {
      execute_.push_back("FileStructureImporter");
    } else if (const Converter* converter = converter_of(step); converter != nullptr && converter_ == nullptr) {
      converter_ = converter;
    } else if (step.module == "DsegConverter") {
      const auto own = step.texts("source_segs");
      sources_.insert(sources_.end(), own.begin(), own.end());
      if (own.empty()) sources_.emplace_back(kAllSegments);
      key_ = step.text("segment_id_meta_key", "roi");
    } else if (step.module == "DataOrganizer") {
      const auto targets = step.texts("targets");
      targets_.insert(targets_.end(), targets.begin(), targets.end());
    } else {
      if (reads_dicom(step)) refuse(plan_, fmt::format("its step {} reads it", step.module));
      execute_.push_back(listed(step));
      if (!step.shared.empty()) modules_[step.module] = step.shared;
    }
  }

  void finish_targets() {
    Json kept = Json::array(), described = Json::array();
    const auto describe_segments = [&](std::string_view query) {
      described.push_back(fmt::format("{}-->[basename]", query));
    };
    for (const std::string& target : targets_) {
      const std::string_view query = std::string_view(target).substr(0, target.find("-->"));
      if (asks_for_dicom(query)) continue;
      if (!asks_for_segments(query)) kept.push_back(target);
    }
    if (sources_.empty()) {
      for (const std::string& target : targets_) {
        const std::string query = target.substr(0, target.find("-->"));
        if (asks_for_segments(query) && !asks_for_dicom(query)) sources_.push_back(query);
      }
    }
    for (const std::string& source : sources_) {
      kept.push_back(fmt::format("{}-->[i:sid]/[basename]", source));
      describe_segments(source);
    }
    if (!described.empty()) {
      execute_.push_back("JsonSegExporter");
      modules_["JsonSegExporter"] = {{"segment_id_meta_key", key_}, {"targets", described}};
      kept.push_back("json:mod=seg-->[i:sid]/segdef.json");
    }
    if (kept.empty()) refuse(plan_, "it writes nothing else");
    execute_.push_back("DataOrganizer");
    modules_["DataOrganizer"] = {{"targets", kept}};
  }

  const WorkflowPlan& plan_;
  const std::string& modality_;
  const Converter* converter_ = nullptr;
  Json execute_ = Json::array(), modules_ = Json::object();
  std::vector<std::string> sources_, targets_;
  std::string key_ = "roi";
};

}  // namespace

HostWorkflow host_workflow(const WorkflowPlan& plan, const std::string& modality) {
  const bool fits = plan.inputs.size() == 1 && plan.inputs.front().kind == NeededInput::Kind::series &&
                    plan.steps.find("DicomImporter") != nullptr;
  if (!fits) refuse(plan, plan.inputs.size() > 1 ? "it joins several series" : "its input is a folder of DICOM files");
  return HostBuilder(plan, modality).build();
}

}  // namespace sagittal::hub
