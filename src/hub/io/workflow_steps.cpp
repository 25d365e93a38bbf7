#include "hub/io/workflow_steps.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/yaml.h"
#include "hub/loose.h"
#include "hub/plain_text.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kMostSteps = 100;

WorkflowStep read_step(const Json& listed, const Json& modules, std::string_view what) {
  WorkflowStep step;
  if (listed.is_string()) {
    step.module = listed.get<std::string>();
  } else if (listed.is_object() && listed.contains("module") && listed.at("module").is_string()) {
    step.module = listed.at("module").get<std::string>();
    step.own = listed;
    step.own.erase("module");
  }
  const bool is_word = !step.module.empty() && step.module.size() <= 100 &&
                       std::all_of(step.module.begin(), step.module.end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
                       });
  if (!is_word) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: a step of `execute` is no name of a module", what));
  }
  const auto shared = modules.find(step.module);
  if (shared != modules.end() && shared->is_object()) step.shared = *shared;
  return step;
}

}  // namespace

const Json* WorkflowStep::find(const std::string& key) const {
  for (const Json* from : {&own, &shared}) {
    const auto found = from->find(key);
    if (found != from->end() && !found->is_null()) return &*found;
  }
  return nullptr;
}

std::vector<std::string> WorkflowStep::texts(const std::string& key) const {
  const Json* value = find(key);
  std::vector<std::string> out;
  if (value == nullptr) return out;
  if (value->is_string()) out.push_back(value->get<std::string>());
  if (!value->is_array()) return out;
  for (const Json& one : *value) {
    if (one.is_string()) out.push_back(one.get<std::string>());
  }
  return out;
}

std::string WorkflowStep::text(const std::string& key, std::string_view otherwise) const {
  const auto all = texts(key);
  return all.empty() ? std::string(otherwise) : all.front();
}

const WorkflowStep* WorkflowSteps::find(std::string_view module) const {
  const auto found = std::find_if(steps.begin(), steps.end(), [&](const auto& step) { return step.module == module; });
  return found == steps.end() ? nullptr : &*found;
}

WorkflowSteps read_workflow_steps(std::string_view yaml, std::string_view what) {
  const Json file = parse_yaml(yaml, what, YamlScalars::typed);
  if (!file.is_object() || !file.contains("execute") || !file.at("execute").is_array()) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: it has no list `execute` of steps", what));
  }
  const Json& listed = file.at("execute");
  if (listed.size() > kMostSteps) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: {} steps, expected up to {}", what, listed.size(), kMostSteps));
  }
  static const Json none = Json::object();
  const auto modules = file.find("modules");
  WorkflowSteps out;
  for (const Json& step : listed) {
    out.steps.push_back(read_step(step, modules != file.end() && modules->is_object() ? *modules : none, what));
  }
  std::vector<std::string> unread;
  out.own_segments = read_own_segments(Loose(file, std::string(what), unread).object("segdb"));
  return out;
}

}  // namespace sagittal::hub
