#include "hub/jobs/work_json.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kMostBytes = std::size_t{16} << 20;  ///< of a file
constexpr std::size_t kMostInputs = 64;
constexpr std::size_t kMostGpus = 64;
constexpr std::size_t kMostOutputs = 100'000;
constexpr std::size_t kMostNotes = 1000;
constexpr std::size_t kLine = 4096;
constexpr int kVersion = 1;

[[noreturn]] void refuse(std::string_view what, std::string_view why) {
  throw Error(ErrorCode::bad_input, fmt::format("{}: {}", what, why));
}

/// UTF-8 without control characters, on one line.
bool is_line(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) return false;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    if (length == 0 || byte < 0x20 || byte == 0x7f) return false;
    text.remove_prefix(length);
  }
  return true;
}

void check_line(std::string_view text, std::size_t max_bytes, const char* name) {
  if (!is_line(text, max_bytes))
    refuse("a job", fmt::format("{}: expected one line of UTF-8 of at most {} bytes", name, max_bytes));
}

bool is_word(std::string_view text, std::size_t max_bytes) {
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; };
  return text.size() <= max_bytes && std::all_of(text.begin(), text.end(), good);
}

void check_input(const JobInput& input) {
  constexpr std::size_t longest_role = 32, longest_uid = 100;
  if (!is_word(input.role, longest_role)) refuse("a job", "a role is a word like \"ct\"");
  check_line(input.path.string(), kLine, "the path of an input");
  if (!input.path.is_absolute())
    refuse("a job", fmt::format("{}: expected the whole path of an input", input.path.string()));
  check_line(input.series_uid, longest_uid, "a series");
}

void check_limits(const Limits& limits) {
  constexpr std::uint64_t least = std::uint64_t{1} << 20, most = std::uint64_t{1} << 50;
  for (const std::uint64_t bytes :
       {limits.memory_bytes, limits.shared_memory_bytes, limits.scratch_bytes, limits.output_bytes}) {
    if (bytes < least || bytes > most) refuse("a job", "a limit of bytes is from 1 MiB to 1 PiB");
  }
  if (!std::isfinite(limits.cpus) || limits.cpus < 0.01 || limits.cpus > 4096) refuse("a job", "cpus: 0.01 to 4096");
  if (limits.processes < 1 || limits.processes > 1'000'000) refuse("a job", "processes: 1 to 1000000");
  if (limits.time < std::chrono::seconds(1) || limits.time > std::chrono::hours(24 * 365))
    refuse("a job", "time: a second to a year");
}

Json limits_json(const Limits& limits) {
  return {{"memory_bytes", limits.memory_bytes},
          {"shared_memory_bytes", limits.shared_memory_bytes},
          {"scratch_bytes", limits.scratch_bytes},
          {"output_bytes", limits.output_bytes},
          {"cpus", limits.cpus},
          {"processes", limits.processes},
          {"time_ms", limits.time.count()}};
}

Limits parse_limits(const Json& json, std::string_view what) {
  Limits limits;
  limits.memory_bytes = json_get_or(json, "memory_bytes", what, limits.memory_bytes);
  limits.shared_memory_bytes = json_get_or(json, "shared_memory_bytes", what, limits.shared_memory_bytes);
  limits.scratch_bytes = json_get_or(json, "scratch_bytes", what, limits.scratch_bytes);
  limits.output_bytes = json_get_or(json, "output_bytes", what, limits.output_bytes);
  limits.cpus = json_get_or(json, "cpus", what, limits.cpus);
  limits.processes = json_get_or(json, "processes", what, limits.processes);
  limits.time = std::chrono::milliseconds(json_get_or<std::int64_t>(json, "time_ms", what, limits.time.count()));
  return limits;
}

/// The texts of a list, each on one line.
std::vector<std::string> lines_of(const Json& json, const char* key, std::size_t most, std::string_view what) {
  auto lines = json_get_or<std::vector<std::string>>(json, key, what, {});
  if (lines.size() > most) refuse(what, fmt::format("\"{}\" has more than {} texts", key, most));
  return lines;
}

const std::vector<Json>& list_of(const Json& json, const char* key, std::size_t most, std::string_view what) {
  static const std::vector<Json> none;
  if (!json.is_object()) throw_json_type(json, key, what);
  const auto found = json.find(key);
  if (found == json.end()) return none;
  if (!found->is_array()) throw_json_type(json, key, what);
  if (found->size() > most) refuse(what, fmt::format("\"{}\" has more than {} entries", key, most));
  return found->get_ref<const std::vector<Json>&>();
}

Json code_json(const std::optional<Code>& code) {
  if (!code) return nullptr;
  return {{"value", code->value}, {"scheme", code->scheme}, {"meaning", code->meaning}};
}

std::optional<Code> parse_code(const Json& json, const char* key, std::string_view what) {
  const auto code = json_get_or<Json>(json, key, what, nullptr);
  if (code.is_null()) return std::nullopt;
  return Code{json_get<std::string>(code, "value", what), json_get<std::string>(code, "scheme", what),
              json_get_or<std::string>(code, "meaning", what, "")};
}

Json terminology_json(const std::optional<Terminology>& t) {
  if (!t) return nullptr;
  return {{"category", code_json(t->category)},
          {"type", code_json(t->type)},
          {"modifier", code_json(t->modifier)},
          {"region", code_json(t->region)},
          {"region_modifier", code_json(t->region_modifier)}};
}

std::optional<Terminology> parse_terminology(const Json& json, std::string_view what) {
  if (json.is_null()) return std::nullopt;
  const auto category = parse_code(json, "category", what), type = parse_code(json, "type", what);
  if (!category || !type) refuse(what, "\"codes\" without category or type");
  return Terminology{*category, *type, parse_code(json, "modifier", what), parse_code(json, "region", what),
                     parse_code(json, "region_modifier", what)};
}

OutputSegment parse_segment(const Json& json, std::string_view what) {
  OutputSegment segment;
  segment.number = json_get<std::int64_t>(json, "number", what);
  segment.name = json_get<std::string>(json, "name", what);
  segment.id = json_get_or<std::string>(json, "id", what, "");
  const auto colour = json_get<std::vector<std::uint8_t>>(json, "colour", what);
  if (colour.size() != segment.colour.size()) throw_json_type(json, "colour", what);
  std::copy(colour.begin(), colour.end(), segment.colour.begin());
  segment.codes = parse_terminology(json_get_or<Json>(json, "codes", what, nullptr), what);
  segment.volume_ml = json_get<double>(json, "volume_ml", what);
  return segment;
}

JobOutput parse_output(const Json& json, std::string_view what) {
  constexpr std::size_t most_segments = 65535;
  JobOutput output{json_get<std::string>(json, "path", what), json_get<std::string>(json, "kind", what)};
  if (!is_path_below(output.path)) refuse(what, "the path of an output leads out of its folder");
  for (const Json& segment : list_of(json, "segments", most_segments, what))
    output.segments.push_back(parse_segment(segment, what));
  return output;
}

Error parse_error(const Json& json, std::string_view what) {
  const auto name = json_get<std::string>(json, "code", what);
  for (int n = 0; n <= static_cast<int>(ErrorCode::internal); ++n) {
    const auto code = static_cast<ErrorCode>(n);
    if (describe(code).name == name) return {code, json_get<std::string>(json, "message", what)};
  }
  refuse(what, "\"code\" is no code of an error");
}

Json parse_versioned(std::string_view text, std::string_view what) {
  constexpr int deepest = 16;
  if (text.size() > kMostBytes) throw Error(ErrorCode::too_large, fmt::format("{}: more than 16 MiB", what));
  Json json = parse_json(text, what, deepest);
  if (json_get<int>(json, "version", what) != kVersion)
    throw Error(ErrorCode::unsupported, fmt::format("{}: written by another version of Sagittal", what));
  return json;
}

}  // namespace

const std::vector<std::string>& backends() {
  static const std::vector<std::string> names{"docker", "podman",      "apptainer", "bubblewrap",
                                              "runc",   "environment", "native"};
  return names;
}

bool is_path_below(std::string_view path) {
  if (path.empty() || !is_line(path, kLine)) return false;
  const auto parts = split(path, '/');
  return std::none_of(parts.begin(), parts.end(),
                      [](auto part) { return part.empty() || part == "." || part == ".."; });
}

void check(const JobRequest& request) {
  constexpr std::size_t longest_name = 64;
  if (request.model.empty()) refuse("a job", "a model is missing");
  check_line(request.model, kLine, "the model");
  check_line(request.image, kLine, "the image");
  if (!request.image.empty() && request.image[0] == '-') refuse("a job", "there is no such image");
  if (!is_word(request.source, longest_name)) refuse("a job", "a source is mhub or local");
  check_line(request.workflow, longest_name, "the workflow");
  if (request.on != "local" && request.on != "slurm") refuse("a job", "it runs on \"local\" or \"slurm\"");
  const auto& known = backends();
  if (!request.backend.empty() && std::find(known.begin(), known.end(), request.backend) == known.end())
    refuse("a job", fmt::format("there is no such backend; there are {}", fmt::join(known, ", ")));
  if (request.inputs.empty()) refuse("a job", "an input is missing");
  if (request.inputs.size() > kMostInputs) refuse("a job", fmt::format("more than {} inputs", kMostInputs));
  for (const JobInput& input : request.inputs) check_input(input);
  if (request.gpus.size() > kMostGpus) refuse("a job", fmt::format("more than {} GPUs", kMostGpus));
  for (const int gpu : request.gpus) {
    if (gpu < 0 || gpu > 255) refuse("a job", "a GPU has a number from 0 to 255");
  }
  check_limits(request.limits);
}

Json request_json(const JobRequest& request) {
  Json inputs = Json::array();
  for (const JobInput& input : request.inputs)
    inputs.push_back({{"role", input.role}, {"path", input.path.string()}, {"series_uid", input.series_uid}});
  return {{"version", kVersion},        {"model", request.model},
          {"source", request.source},   {"workflow", request.workflow},
          {"backend", request.backend}, {"on", request.on},
          {"image", request.image},     {"inputs", inputs},
          {"gpus", request.gpus},       {"limits", limits_json(request.limits)}};
}

JobRequest parse_request(std::string_view text, std::string_view what) {
  const Json json = parse_versioned(text, what);
  const auto text_of = [&](const char* key) { return json_get_or<std::string>(json, key, what, ""); };
  JobRequest request;
  request.model = json_get<std::string>(json, "model", what);
  request.source = text_of("source");
  request.workflow = text_of("workflow");
  request.backend = text_of("backend");
  request.on = json_get_or<std::string>(json, "on", what, "local");
  request.image = text_of("image");
  for (const Json& input : list_of(json, "inputs", kMostInputs, what)) {
    request.inputs.push_back({json_get_or<std::string>(input, "role", what, ""),
                              json_get<std::string>(input, "path", what),
                              json_get_or<std::string>(input, "series_uid", what, "")});
  }
  if (list_of(json, "gpus", kMostGpus, what).size() > 0) request.gpus = json_get<std::vector<int>>(json, "gpus", what);
  request.limits = parse_limits(json_get_or<Json>(json, "limits", what, Json::object()), what);
  try {
    check(request);
  } catch (Error& error) {
    throw error.within(what);
  }
  return request;
}

Json output_json(const JobOutput& output) {
  Json segments = Json::array();
  for (const OutputSegment& segment : output.segments) {
    segments.push_back({{"number", segment.number},
                        {"name", segment.name},
                        {"id", segment.id},
                        {"colour", segment.colour},
                        {"codes", terminology_json(segment.codes)},
                        {"volume_ml", segment.volume_ml}});
  }
  return {{"path", output.path}, {"kind", output.kind}, {"segments", segments}};
}

Json end_json(const WorkEnd& end) {
  Json outputs = Json::array();
  for (const JobOutput& output : end.report.outputs) outputs.push_back(output_json(output));
  const Json error =
      end.error ? Json{{"code", describe(end.error->code()).name}, {"message", end.error->what()}} : Json();
  return {{"version", kVersion},
          {"error", error},
          {"outputs", outputs},
          {"notes", end.report.notes},
          {"record", end.report.record}};
}

WorkEnd parse_end(std::string_view text, std::string_view what) {
  const Json json = parse_versioned(text, what);
  WorkEnd end;
  const auto error = json_get_or<Json>(json, "error", what, nullptr);
  if (!error.is_null()) end.error = parse_error(error, what);
  for (const Json& output : list_of(json, "outputs", kMostOutputs, what))
    end.report.outputs.push_back(parse_output(output, what));
  end.report.notes = lines_of(json, "notes", kMostNotes, what);
  end.report.record = json_get_or<Json>(json, "record", what, Json::object());
  if (!end.report.record.is_object()) throw_json_type(json, "record", what);
  return end;
}

}  // namespace sagittal::hub
