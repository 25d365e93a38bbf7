#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "stream/json_text.h"
#include "stream/recording_format.h"

namespace sagittal::stream {
namespace {

constexpr const char* kWhat = "a note of a recording";

Geometry geometry_from(const Json& note) {
  Geometry geometry;
  const auto numbers = [&](const char* key, std::size_t count) {
    auto all = json_get<std::vector<double>>(note, key, kWhat);
    if (all.size() != count) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("{}: \"{}\" has {} numbers, expected {}", kWhat, key, all.size(), count));
    }
    return all;
  };
  const auto spacing = numbers("spacing_mm", 3), origin = numbers("origin_mm", 3), direction = numbers("direction", 9);
  for (std::size_t a = 0; a < 3; ++a) {
    geometry.spacing_mm[a] = spacing[a];
    geometry.origin_mm[a] = origin[a];
    for (std::size_t b = 0; b < 3; ++b) geometry.direction[a][b] = direction[3 * a + b];
  }
  check_geometry(geometry, kWhat);
  return geometry;
}

}  // namespace

std::string note_line(const RecordedNote& note, UtcTime logged) {
  Json metadata = Json::array();
  for (const auto& [key, value] : note.metadata.entries()) metadata.push_back({key, value});
  const Geometry& grid = note.geometry;
  Json direction = Json::array();
  for (const Vec3& row : grid.direction) {
    for (const double number : row) direction.push_back(number);
  }
  const Json line{{"logged", logged},
                  {"kind", note.frame ? "frame" : "tensor"},
                  {"device", note.device},
                  {"acquired", note.acquired},
                  {"sequence", note.sequence},
                  {"metadata", std::move(metadata)},
                  {"spacing_mm", grid.spacing_mm},
                  {"origin_mm", grid.origin_mm},
                  {"direction", std::move(direction)}};
  return json_text(line);
}

std::optional<RecordedNote> parse_note(std::string_view line, UtcTime logged) {
  const Json json = parse_json(line, kWhat, 4);
  if (json_get<std::int64_t>(json, "logged", kWhat) != logged) return std::nullopt;
  RecordedNote note;
  const auto kind = json_get<std::string>(json, "kind", kWhat);
  if (kind != "frame" && kind != "tensor") {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: \"kind\" is \"{}\", expected \"frame\" or \"tensor\"", kWhat, kind));
  }
  note.frame = kind == "frame";
  note.device = json_get<std::string>(json, "device", kWhat);
  note.acquired = json_get<std::int64_t>(json, "acquired", kWhat);
  note.sequence = json_get<std::uint64_t>(json, "sequence", kWhat);
  for (auto& [key, value] : json_get<std::vector<std::pair<std::string, std::string>>>(json, "metadata", kWhat)) {
    note.metadata.set(key, std::move(value));
  }
  note.geometry = geometry_from(json);
  return note;
}

}  // namespace sagittal::stream
