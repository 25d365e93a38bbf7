#include "server/dialects/itksnap_arrays.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "io/gzip.h"
#include "server/http/request.h"
#include "volume/volume.h"

namespace sagittal::server {
namespace {

constexpr std::size_t kMaxMetadataBytes = std::size_t{64} << 10;

[[noreturn]] void refuse(std::string why) { throw Error(ErrorCode::bad_input, std::move(why)); }

std::int64_t parse_index(const std::string& text) {
  const auto value = parse_number<std::int64_t>(text);
  if (!value) refuse("a coordinate of the point is no whole number");
  return *value;
}

}  // namespace

Json describe_itksnap_model(const char* id, const interact::Capabilities& capabilities) {
  Json interactions = Json::array();  // no "box": the protocol has no request for it
  if (capabilities.supports_points) interactions.push_back("point");
  if (capabilities.supports_scribble) interactions.push_back("scribble");
  if (capabilities.supports_lasso) interactions.push_back("lasso");
  return {{"id", id}, {"channels", {1}}, {"dimensions", 3}, {"interactions", interactions}};
}

Index3 parse_itksnap_shape(std::string_view metadata) {
  if (metadata.size() > kMaxMetadataBytes) throw Error(ErrorCode::too_large, "metadata: longer than 64 KiB");
  const Json object = parse_json(metadata, "metadata");
  const auto components = json_get_or<std::int64_t>(object, "components_per_pixel", "metadata", 1);
  if (components != 1) {
    throw Error(
        ErrorCode::unsupported,
        fmt::format("the image has {} components per voxel, expected one: choose a single channel", components));
  }
  const auto type = json_get_or<std::string>(object, "component_type", "metadata", "float32");
  if (type != "float32") throw Error(ErrorCode::unsupported, "metadata: component_type is not float32");
  const auto sizes = json_get<std::vector<Json>>(object, "dimensions", "metadata");
  if (sizes.size() != 3) refuse(fmt::format("metadata: {} dimensions, expected x, y and z", sizes.size()));
  Index3 shape{};
  std::int64_t room = kMaxVoxels;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const Json& size = sizes[axis];
    if (!size.is_number_integer() || size.get<std::int64_t>() < 1)
      refuse("metadata: a dimension is no count of voxels");
    shape[2 - axis] = size.get<std::int64_t>();
    if (shape[2 - axis] > room) {
      throw Error(ErrorCode::too_large, fmt::format("the image has more than {} voxels", kMaxVoxels));
    }
    room /= shape[2 - axis];
  }
  return shape;
}

Buffer unpack_itksnap_volume(ByteView compressed, const Index3& shape, std::uint64_t max_bytes, std::string_view what) {
  const std::uint64_t expected = static_cast<std::uint64_t>(whole(shape).volume()) * sizeof(float);
  if (expected > max_bytes) {
    throw Error(ErrorCode::too_large,
                fmt::format("the {} takes {} MiB, this server has {} MiB for it; crop or resample", what,
                            expected >> 20, max_bytes >> 20));
  }
  Buffer values = io::gunzip(compressed, static_cast<std::size_t>(expected), what);
  if (values.size() != expected) {
    refuse(fmt::format("the {} unpacks to {} bytes, expected {} for {} x {} x {} voxels", what, values.size(), expected,
                       shape[2], shape[1], shape[0]));
  }
  return values;
}

std::array<double, 3> parse_itksnap_point(const http::Query& query) {
  std::vector<std::string> xyz = query.all("point");
  if (xyz.empty()) xyz = {query.one("x"), query.one("y"), query.one("z")};
  if (xyz.size() != 3) refuse(fmt::format("the point has {} coordinates, expected x, y and z", xyz.size()));
  std::array<double, 3> position{};
  for (std::size_t axis = 0; axis < 3; ++axis) position[2 - axis] = static_cast<double>(parse_index(xyz[axis]));
  return position;
}

bool parse_itksnap_foreground(const http::Query& query) {
  const std::string text = query.one("foreground");
  if (http::equal_ignoring_case(text, "true") || text == "1") return true;
  if (http::equal_ignoring_case(text, "false") || text == "0") return false;
  refuse("foreground is neither true nor false");
}

}  // namespace sagittal::server
