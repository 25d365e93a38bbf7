#include "server/api/native_session.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/error.h"
#include "server/api/volume_info.h"

namespace sagittal::server {
namespace {

constexpr const char* kWhat = "kept native session";

Json code_json(const Code& code) { return {{"value", code.value}, {"scheme", code.scheme}, {"meaning", code.meaning}}; }
Json code_json(const std::optional<Code>& code) { return code ? code_json(*code) : Json(); }

}  // namespace

NativeSegment& NativeSession::segment(int number) {
  for (NativeSegment& segment : segments) {
    if (segment.number == number) return segment;
  }
  throw Error(ErrorCode::not_found, fmt::format("there is no segment {} in this session", number));
}

int NativeSession::free_slot() const {
  int slot = 0;
  const auto taken = [&] {
    return std::any_of(segments.begin(), segments.end(), [&](const auto& s) { return s.slot == slot; });
  };
  while (taken()) ++slot;
  return slot;
}

Json to_json(const NativeSession& session) {
  Json segments = Json::array();
  for (const NativeSegment& s : session.segments) {
    segments.push_back({{"number", s.number},
                        {"slot", s.slot},
                        {"name", s.name},
                        {"colour", colour_text(s.colour)},
                        {"term", s.term},
                        {"revision", s.revision},
                        {"owed", s.owed}});
    if (!s.origin.empty()) segments.back()["origin"] = s.origin;
  }
  Json json{{"volume", session.volume},           {"name", session.name},
            {"series", session.series},           {"geometry", geometry_json(session.geometry)},
            {"created", session.created},         {"address", session.address},
            {"shared", session.shared},           {"revision", session.revision},
            {"next_number", session.next_number}, {"segments", std::move(segments)}};
  if (session.frame) json["frame"] = *session.frame;
  return json;
}

NativeSession parse_native_session(const Json& json) {
  NativeSession session;
  session.volume = json_get<std::string>(json, "volume", kWhat);
  session.name = json_get<std::string>(json, "name", kWhat);
  session.series = json_get<std::string>(json, "series", kWhat);
  if (json.contains("frame")) session.frame = json_get<std::int64_t>(json, "frame", kWhat);
  session.geometry = parse_geometry(json_get<Json>(json, "geometry", kWhat), kWhat);
  session.created = json_get<std::string>(json, "created", kWhat);
  session.address = json_get<std::string>(json, "address", kWhat);
  session.shared = json_get<bool>(json, "shared", kWhat);
  session.revision = json_get<std::uint64_t>(json, "revision", kWhat);
  session.next_number = json_get<int>(json, "next_number", kWhat);
  for (const Json& segment : json_get<std::vector<Json>>(json, "segments", kWhat)) {
    session.segments.push_back(
        {json_get<int>(segment, "number", kWhat), json_get<int>(segment, "slot", kWhat),
         json_get<std::string>(segment, "name", kWhat), parse_colour(json_get<std::string>(segment, "colour", kWhat)),
         json_get<std::string>(segment, "term", kWhat), json_get<std::uint64_t>(segment, "revision", kWhat),
         json_get_or<std::uint64_t>(segment, "owed", kWhat, 0),
         json_get_or<std::string>(segment, "origin", kWhat, "")});
  }
  return session;
}

std::string colour_text(const Rgb& colour) {
  return fmt::format("#{:02x}{:02x}{:02x}", colour[0], colour[1], colour[2]);
}

Rgb parse_colour(const std::string& text) {
  Rgb colour{};
  bool good = text.size() == 7 && text[0] == '#';
  for (std::size_t n = 0; good && n < 3; ++n) {
    const char* begin = text.data() + 1 + 2 * n;
    good = std::from_chars(begin, begin + 2, colour[n], 16).ptr == begin + 2;
  }
  if (!good) throw Error(ErrorCode::bad_input, "\"colour\": expected #rrggbb");
  return colour;
}

Json term_json(const terms::Term& term) {
  return {{"id", term.id},
          {"name", term.name},
          {"colour", colour_text(term.colour)},
          {"category", code_json(term.codes.category)},
          {"type", code_json(term.codes.type)},
          {"modifier", code_json(term.codes.modifier)},
          {"region", code_json(term.codes.region)}};
}

std::string timestamp() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

}  // namespace sagittal::server
