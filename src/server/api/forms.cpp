#include "server/api/forms.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/text.h"
#include "server/api/volume_info.h"
#include "volume/bits.h"

namespace sagittal::server {
namespace {

[[noreturn]] void refuse(std::string why) { throw Error(ErrorCode::bad_input, std::move(why)); }

Json number_list(const http::Query& query, const char* name) {
  Json list = Json::array();
  std::string_view text;
  const std::string value = query.one(name);
  for (text = value; !text.empty() && list.size() < 16;) {
    double number = 0;
    const auto [at, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto used = static_cast<std::size_t>(at - text.data());
    if (failure != std::errc() || (used < text.size() && text[used] != ',')) {
      refuse(fmt::format("{}=: expected numbers with commas between them", name));
    }
    constexpr double largest_exact = 0x1p53;
    const bool is_whole = std::abs(number) <= largest_exact && number == std::floor(number);
    list.push_back(is_whole ? Json(static_cast<std::int64_t>(number)) : Json(number));
    text.remove_prefix(std::min(text.size(), used + 1));
  }
  return list;
}

}  // namespace

Json body_object(const http::Request& request, std::size_t max_parts) {
  const std::string_view text = as_text(request.body.bytes());
  if (text.empty()) return Json::object();
  const auto is_mark = [](char c) { return c == ',' || c == ':' || c == '[' || c == '{'; };
  if (static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_mark)) > 4 * max_parts) {
    refuse(fmt::format("request: more than {} values", max_parts));
  }
  Json json = parse_json(text, "request");
  if (!json.is_object()) refuse("request: expected a JSON object");
  return json;
}

std::string checked_name(std::string name) {
  constexpr std::size_t longest = 200;
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  try {
    if (Json(name).dump().size() >= 2 && name.size() <= longest && std::none_of(name.begin(), name.end(), is_control)) {
      return name;
    }
  } catch (const Json::exception&) {  // not UTF-8
  }
  refuse(fmt::format("a name has at most {} bytes, all of them readable UTF-8", longest));
}

int number_in_path(const http::Request& request, const char* name) {
  const std::string& text = request.path_values[name];
  if (const auto number = parse_number<int>(text)) return *number;
  throw Error(ErrorCode::not_found, "there is no segment of that number in this session");
}

std::string query_or(const http::Query& query, const char* name, const std::string& fallback) {
  return query.has(name) ? query.one(name) : fallback;
}

std::optional<std::int64_t> query_number(const http::Query& query, const char* name) {
  if (!query.has(name)) return std::nullopt;
  const auto number = parse_number<std::int64_t>(query.one(name));
  if (!number) refuse(fmt::format("{}=: expected a number", name));
  return number;
}

bool query_flag(const http::Query& query, const char* name, bool fallback) {
  const std::string text = query_or(query, name, fallback ? "true" : "false");
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  refuse(fmt::format("{}=: expected true or false", name));
}

Json bounds_json(const Box& box) {
  if (box.empty()) return {{0, 0}, {0, 0}, {0, 0}};
  Json json = Json::array();
  for (const std::size_t axis : {2U, 1U, 0U}) json.push_back({box.lo[axis], box.hi[axis]});
  return json;
}

Bytes mask_bits(const interact::Session& session, int segment, const Box& box) {
  if (box.empty()) return {};
  std::vector<std::uint8_t> voxels(static_cast<std::size_t>(box.volume()));
  session.copy_mask(segment, box, voxels);
  return pack_bits(voxels);
}

Volume parse_raw_volume(const http::Query& query, ByteView voxels) {
  constexpr const char* what = "raw voxels";
  Json json{{"shape", number_list(query, "shape")}};
  for (const char* key : {"spacing_mm", "origin_lps_mm", "direction"}) {
    if (query.has(key)) json[key] = number_list(query, key);
  }
  const Geometry geometry = parse_geometry(json, what);
  const std::string name = query.one("type");
  const auto type = scalar_type_from_name(name);
  if (!type) refuse(fmt::format("{}: unknown type, expected one of NumPy's such as int16 or float32", what));
  const std::uint64_t expected = static_cast<std::uint64_t>(geometry.voxel_count()) * size_of(*type);
  if (voxels.size() != expected) {
    refuse(fmt::format("{}: {} of {} are {} bytes, found {}", what, describe_shape(geometry.size), name_of(*type),
                       expected, voxels.size()));
  }
  Buffer buffer(voxels.size());
  std::copy(voxels.begin(), voxels.end(), buffer.as<std::uint8_t>().begin());
  return Volume(geometry, *type, std::move(buffer));
}

interact::InitPrompt parse_initial_mask(const Json& json, const Index3& shape) {
  if (!json.is_object()) refuse("\"mask\": expected bounds and mask");
  Json scribble = json;
  scribble["type"] = "scribble";
  const interact::Prompt parsed = interact::parse_prompt(scribble);
  const auto& drawn = std::get<interact::PaintPrompt>(parsed);
  const Box box{reversed(drawn.bounds_ijk.lo), reversed(drawn.bounds_ijk.hi)};
  if (intersect(box, whole(shape)) != box) {
    refuse(fmt::format("mask: its bounds leave the image of {} voxels", describe_shape(reversed(shape))));
  }
  std::vector<std::uint8_t> part(static_cast<std::size_t>(box.volume()));
  unpack_bits(drawn.mask, part);
  std::vector<std::uint8_t> all(static_cast<std::size_t>(whole(shape).volume()));
  std::size_t n = 0;
  for (std::int64_t k = box.lo[0]; k < box.hi[0]; ++k) {
    for (std::int64_t j = box.lo[1]; j < box.hi[1]; ++j) {
      for (std::int64_t i = box.lo[2]; i < box.hi[2]; ++i, ++n) {
        all[static_cast<std::size_t>((k * shape[1] + j) * shape[2] + i)] = part[n];
      }
    }
  }
  return {pack_bits(all), false};
}

void require_drawing(const interact::Prompt& prompt) {
  const auto* paint = std::get_if<interact::PaintPrompt>(&prompt);
  if (paint == nullptr) return;
  if (std::any_of(paint->mask.begin(), paint->mask.end(), [](std::uint8_t byte) { return byte != 0; })) return;
  refuse("prompt: its mask holds no voxel");
}

http::Response mask_response(const http::Request& request, Json json, Bytes mask) {
  if (request.header("Accept").find("application/octet-stream") == std::string_view::npos) {
    json["mask"] = encode_base64(mask);
    return http::json_response(200, json);
  }
  http::Response response = http::make_response(200, "application/octet-stream", std::move(mask));
  response.headers.push_back({"Sagittal-Reply", json.dump(-1, ' ', true, Json::error_handler_t::replace)});
  return response;
}

http::Response created(const std::string& path, const Json& json) {
  http::Response response = http::json_response(201, json);
  response.headers.push_back({"Location", path});
  return response;
}

}  // namespace sagittal::server
