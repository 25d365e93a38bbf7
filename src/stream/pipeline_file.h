#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "stream/assets.h"
#include "stream/graph.h"
#include "stream/registry.h"
#include "stream/run.h"

namespace sagittal::stream {

/// A pipeline as a file has it (docs/streams.md, "A pipeline file"):
///
///     pipeline: 1
///     title: Inverted camera
///     scheduler: {threads: 2, max_duration_ms: 60000}
///     operators:
///       camera: {type: video_file, file: clip.mp4, conditions: {periodic: {period: 30 hz}, count: 100}}
///       invert: {type: invert, on_error: skip}
///       viewer: {type: igtl_output, port: 18944}
///     flows:
///       - camera -> invert
///       - {from: invert.out, to: viewer.frame, capacity: 2, when_full: keep_latest}
///
/// Further conditions, of messages: {inputs: {in: {messages: 5, of_each: false, after: 100 ms, optional: false}},
/// any_of: [[frame, labels]]}.
struct PipelineFile {
  struct Part {
    std::string name, type;
    Json parameters = Json::object();
    NodeOptions options = {};
    std::vector<std::string> overridden = {};  ///< names of parameters that `override_setting` gave
    struct StandIn {
      std::string type;
      Json parameters = Json::object();
    };
    std::optional<StandIn> stand_in = {};  ///< what runs where an asset is not there (assets.h)
  };
  struct Flow {
    std::string from, to;
    FlowOptions options = {};
  };
  std::string title, description;
  std::filesystem::path folder;  ///< that relative paths start from
  std::vector<Part> operators;   ///< in the file's order of names
  std::vector<Flow> flows;
  std::vector<Asset> assets = {};
  RunOptions run;
};

/// `text`: YAML or JSON. Error(bad_input) naming `what`, the place, what was expected and found; keys that have no
/// meaning are refused too.
PipelineFile parse_pipeline(std::string_view text, std::string_view what);
/// Up to 1 MiB. Error(not_found | io | too_large) as well.
PipelineFile read_pipeline(const std::filesystem::path& file);

/// "bone.threshold=0.4", "camera.conditions.count=3", "scheduler.threads=3": as in the file, paths from the working
/// directory. Error(wrong_usage).
void override_setting(PipelineFile& pipeline, std::string_view setting);

/// Makes the operators and joins them; `settle_assets` comes first. Error(bad_input | not_found) naming the operator or
/// flow.
Graph build(const PipelineFile& pipeline, const OperatorRegistry& registry);

/// {"operators": [{"name", "type", "description", "enabled", and what `Setup::describe` gives}], "flows": [as
/// `Graph::describe` says them]} of what `build` gave.
Json describe(const Graph& graph, const OperatorRegistry& registry);

}  // namespace sagittal::stream
