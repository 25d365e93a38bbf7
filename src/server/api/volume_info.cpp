#include "server/api/volume_info.h"

#include <cmath>
#include <limits>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "volume/volume.h"

namespace sagittal::server {
namespace {

constexpr const char* kVolume = "volume";

template <class T>
std::pair<double, double> range_of(std::span<const T> voxels) {
  T least = std::numeric_limits<T>::max(), most = std::numeric_limits<T>::lowest();
  for (const T v : voxels) {
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(v)) continue;
    }
    least = std::min(least, v);
    most = std::max(most, v);
  }
  if (most < least) return {0, 0};
  return {static_cast<double>(least), static_cast<double>(most)};
}

template <std::size_t N>
std::array<double, N> numbers(const Json& json, const char* key, std::string_view what,
                              const std::array<double, N>& fallback) {
  if (!json.contains(key)) return fallback;
  const auto values = json_get<std::vector<double>>(json, key, what);
  if (values.size() != N) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: \"{}\" has {} numbers, expected {}", what, key, values.size(), N));
  }
  std::array<double, N> out{};
  std::copy(values.begin(), values.end(), out.begin());
  return out;
}

/// Of a file with several series: the first that can be read, and the shapes of all.
Volume read_first(ByteView file, std::string_view name, const io::ReadOptions& options, const io::ImageInfo& found,
                  VolumeInfo& info) {
  std::optional<Volume> image;
  std::string reason;
  for (const io::SeriesInfo& series : found.series) {
    io::ReadOptions one = options;
    one.series_uid = series.uid;
    one.frame = 0;
    VolumeSeries described{series.uid, series.description, series.modality, {}};
    try {
      described.shape = io::describe_image(file, name, one).geometry.size;
      if (!image) {
        image = io::read_image(file, name, one);
        info.modality = series.modality;
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::too_large) throw;
      if (reason.empty()) reason = error.what();
    }
    info.series.push_back(std::move(described));
  }
  if (!image) throw Error(ErrorCode::unsupported, reason);
  return *image;
}

}  // namespace

VolumeInfo describe_volume(ByteView file, std::string name, std::string id, const io::ReadOptions& options) {
  const io::ImageInfo found = io::describe_image(file, name, options);
  VolumeInfo info;
  io::ReadOptions first = options;
  if (found.frames > 1) first.frame = 0;
  const Volume image =
      found.series.empty() ? io::read_image(file, name, first) : read_first(file, name, options, found, info);
  info.id = std::move(id);
  info.name = std::move(name);
  info.format = found.format;
  info.bytes = file.size();
  info.geometry = image.geometry();
  info.type = image.type();
  std::tie(info.least, info.most) = visit_voxels(image, [](auto voxels) { return range_of(voxels); });
  info.frames = found.frames;
  return info;
}

Json geometry_json(const Geometry& geometry) {
  Json direction = Json::array();
  for (const Vec3& row : geometry.direction) {
    for (const double value : row) direction.push_back(value);
  }
  return {{"shape", geometry.size},
          {"spacing_mm", geometry.spacing_mm},
          {"origin_lps_mm", geometry.origin_mm},
          {"direction", std::move(direction)}};
}

Geometry parse_geometry(const Json& json, std::string_view what) {
  Geometry geometry;
  const auto shape = json_get<std::vector<Json>>(json, "shape", what);
  if (shape.size() != 3) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: \"shape\" has {} numbers, expected 3", what, shape.size()));
  }
  std::int64_t room = kMaxVoxels;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (!shape[axis].is_number_integer() || shape[axis].get<std::int64_t>() < 1) {
      throw Error(ErrorCode::bad_input, fmt::format("{}: \"shape\" holds what is no count of voxels", what));
    }
    geometry.size[axis] = shape[axis].get<std::int64_t>();
    if (geometry.size[axis] > room) {
      throw Error(ErrorCode::too_large, fmt::format("{}: more than {} voxels", what, kMaxVoxels));
    }
    room /= geometry.size[axis];
  }
  geometry.spacing_mm = numbers<3>(json, "spacing_mm", what, geometry.spacing_mm);
  geometry.origin_mm = numbers<3>(json, "origin_lps_mm", what, geometry.origin_mm);
  const auto direction = numbers<9>(json, "direction", what, {1, 0, 0, 0, 1, 0, 0, 0, 1});
  for (std::size_t n = 0; n < 9; ++n) geometry.direction[n / 3][n % 3] = direction[n];
  check_geometry(geometry, std::string(what));
  return geometry;
}

Json to_json(const VolumeInfo& info) {
  Json json{{"id", info.id},
            {"name", info.name},
            {"format", info.format},
            {"bytes", info.bytes},
            {"modality", info.modality.empty() ? Json() : Json(info.modality)},
            {"geometry", geometry_json(info.geometry)},
            {"type", name_of(info.type)},
            {"range", {info.least, info.most}},
            {"frames", info.frames}};
  if (info.series.empty()) return json;
  Json list = Json::array();
  for (const VolumeSeries& series : info.series) {
    list.push_back({{"uid", series.uid},
                    {"description", series.description},
                    {"modality", series.modality},
                    {"shape", series.shape}});
  }
  json["series"] = std::move(list);
  return json;
}

VolumeInfo parse_volume_info(const Json& json) {
  VolumeInfo info;
  info.id = json_get<std::string>(json, "id", kVolume);
  info.name = json_get<std::string>(json, "name", kVolume);
  info.format = json_get<std::string>(json, "format", kVolume);
  info.bytes = json_get<std::uint64_t>(json, "bytes", kVolume);
  info.modality = json_get_or<std::string>(json, "modality", kVolume, "");
  info.geometry = parse_geometry(json_get<Json>(json, "geometry", kVolume), kVolume);
  const auto type = scalar_type_from_name(json_get<std::string>(json, "type", kVolume));
  if (!type) throw Error(ErrorCode::bad_input, "volume: unknown type of voxels");
  info.type = *type;
  const auto range = numbers<2>(json, "range", kVolume, {0, 0});
  info.least = range[0];
  info.most = range[1];
  info.frames = json_get<std::int64_t>(json, "frames", kVolume);
  for (const Json& series : json_get_or<std::vector<Json>>(json, "series", kVolume, {})) {
    info.series.push_back(
        {json_get<std::string>(series, "uid", kVolume), json_get<std::string>(series, "description", kVolume),
         json_get<std::string>(series, "modality", kVolume), json_get<Index3>(series, "shape", kVolume)});
  }
  return info;
}

}  // namespace sagittal::server
