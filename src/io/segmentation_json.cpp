#include "io/segmentation_json.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"

namespace sagittal::io {
namespace {

constexpr std::int64_t kMaxNumber = 65535;

/// Texts from DICOM may hold broken UTF-8, which becomes U+FFFD.
std::string line_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json to_json(const Code& code) { return {code.scheme, code.value, code.meaning}; }

Code code_from(const Json& json, const char* key, std::string_view what) {
  const auto parts = json_get<std::vector<std::string>>(json, key, what);
  if (parts.size() != 3) throw Error(ErrorCode::bad_input, fmt::format("{}: \"{}\" is no code", what, key));
  return {parts[1], parts[0], parts[2]};
}

std::optional<Code> optional_code(const Json& json, const char* key, std::string_view what) {
  return json.contains(key) ? std::optional(code_from(json, key, what)) : std::nullopt;
}

Json to_json(const Terminology& t) {
  Json out{{"category", to_json(t.category)}, {"type", to_json(t.type)}};
  if (t.modifier) out["modifier"] = to_json(*t.modifier);
  if (t.region) out["region"] = to_json(*t.region);
  if (t.region_modifier) out["region_modifier"] = to_json(*t.region_modifier);
  return out;
}

Terminology terminology_from(const Json& json, std::string_view what) {
  if (!json.is_object()) throw Error(ErrorCode::bad_input, fmt::format("{}: \"codes\" is no object", what));
  return {code_from(json, "category", what), code_from(json, "type", what), optional_code(json, "modifier", what),
          optional_code(json, "region", what), optional_code(json, "region_modifier", what)};
}

/// Three whole numbers of type T.
template <class T>
std::array<T, 3> triple_from(const Json& json, const char* key, std::string_view what) {
  const auto numbers = json_get<std::vector<Json>>(json, key, what);
  std::array<T, 3> out{};
  if (numbers.size() != out.size()) throw_json_type(json, key, what);
  for (std::size_t n = 0; n < out.size(); ++n) out[n] = json_get<T>(Json{{"value", numbers[n]}}, "value", what);
  return out;
}

Json to_json(const Segment& s) {
  Json out{{"number", s.number},
           {"name", s.name},
           {"rgb", s.colour},
           {"algorithm_type", name_of(s.algorithm_type)},
           {"algorithm_name", s.algorithm_name}};
  if (s.codes) out["codes"] = to_json(*s.codes);
  if (s.cielab) out["cielab"] = *s.cielab;
  for (const auto& [key, text] : {std::pair("description", &s.description), std::pair("tracking_id", &s.tracking_id),
                                  std::pair("tracking_uid", &s.tracking_uid)}) {
    if (!text->empty()) out[key] = *text;
  }
  return out;
}

void apply(const Json& json, Segment& s, std::string_view what) {
  s.name = json_get<std::string>(json, "name", what);
  s.colour = triple_from<std::uint8_t>(json, "rgb", what);
  s.algorithm_type = algorithm_type_from_name(json_get_or<std::string>(json, "algorithm_type", what, ""));
  s.algorithm_name = json_get_or<std::string>(json, "algorithm_name", what, "");
  s.description = json_get_or<std::string>(json, "description", what, "");
  s.tracking_id = json_get_or<std::string>(json, "tracking_id", what, "");
  s.tracking_uid = json_get_or<std::string>(json, "tracking_uid", what, "");
  if (json.contains("codes")) s.codes = terminology_from(json["codes"], what);
  if (json.contains("cielab")) s.cielab = triple_from<std::uint16_t>(json, "cielab", what);
}

Json to_json(const DicomContext& context) {
  Json out{
      {"frame_of_reference", context.frame_of_reference}, {"attributes", Json::object()}, {"images", Json::array()}};
  for (const auto& [tag, text] : context.attributes) out["attributes"][fmt::format("{:08X}", tag)] = text;
  for (const SourceImage& i : context.images)
    out["images"].push_back({i.series_uid, i.class_uid, i.instance_uid, i.frame, i.slice});
  return out;
}

DicomContext context_from(const Json& json, std::string_view what) {
  DicomContext context;
  context.frame_of_reference = json_get<std::string>(json, "frame_of_reference", what);
  const auto attributes = json_get<std::map<std::string, std::string>>(json, "attributes", what);
  for (const auto& [name, text] : attributes) {
    DicomTag tag = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), tag, 16);
    if (error != std::errc() || end != name.data() + name.size())
      throw Error(ErrorCode::bad_input, fmt::format("{}: \"{}\" is no DICOM tag", what, name.substr(0, 40)));
    context.attributes[tag] = text;
  }
  using Row = std::tuple<std::string, std::string, std::string, Json, Json>;
  for (const auto& [series, kind, instance, frame, slice] : json_get<std::vector<Row>>(json, "images", what)) {
    const Json numbers{{"frame", frame}, {"slice", slice}};
    context.images.push_back({series, kind, instance, json_get<std::int64_t>(numbers, "frame", what),
                              json_get<std::int64_t>(numbers, "slice", what)});
  }
  return context;
}

}  // namespace

std::string context_to_json(const DicomContext& context) { return line_of(to_json(context)); }

DicomContext context_from_json(std::string_view text, std::string_view what) {
  return context_from(parse_json(text, what), what);
}

std::string segments_to_json(const Segmentation& segmentation) {
  Json out{{"segments", Json::array()}};
  for (const Segment& s : segmentation.segments) out["segments"].push_back(to_json(s));
  if (segmentation.dicom) out["dicom"] = to_json(*segmentation.dicom);
  return line_of(out);
}

void apply_segments_json(std::string_view text, Segmentation& segmentation, std::string_view what) {
  const Json json = parse_json(text, what);
  std::map<std::int64_t, std::size_t> places;
  for (const Segment& s : segmentation.segments) places.emplace(s.number, places.size());
  for (const Json& entry : json_get<std::vector<Json>>(json, "segments", what)) {
    const auto number = json_get<std::int64_t>(entry, "number", what);
    if (number < 1 || number > kMaxNumber)
      throw Error(ErrorCode::bad_input, fmt::format("{}: a segment of number {}", what, number));
    const auto [place, is_new] = places.emplace(number, segmentation.segments.size());
    if (is_new) segmentation.segments.emplace_back().number = number;
    apply(entry, segmentation.segments[place->second], what);
  }
  std::sort(segmentation.segments.begin(), segmentation.segments.end(),
            [](const Segment& a, const Segment& b) { return a.number < b.number; });
  if (json.contains("dicom")) segmentation.dicom = context_from(json["dicom"], what);
}

}  // namespace sagittal::io
