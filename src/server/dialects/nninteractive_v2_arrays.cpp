#include "server/dialects/nninteractive_v2_arrays.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "volume/stored_voxels.h"

namespace sagittal::server {
namespace {

/// The release whose masks are answered, by interact::Rules::v2_5; checkpoints that ask for 2.6 are loaded too.
constexpr const char* kMasksOf = "2.5.0";

[[noreturn]] void refuse(std::string why) { throw Error(ErrorCode::bad_input, std::move(why)); }

Json pair_of(const interact::ChannelPair& channels) { return {channels.positive, channels.negative}; }

template <class T>
std::array<std::array<T, 2>, 3> parse_ranges(const Json& object, const char* key) {
  const auto ranges = json_get<std::vector<std::vector<T>>>(object, key, "request");
  std::array<std::array<T, 2>, 3> out;
  bool good = ranges.size() == out.size();
  for (std::size_t axis = 0; good && axis < out.size(); ++axis) {
    good = ranges[axis].size() == 2;
    if (good) out[axis] = {ranges[axis][0], ranges[axis][1]};
  }
  if (!good) refuse(fmt::format("\"{}\" must be three ranges [from, to), found {}", key, object.at(key).dump()));
  return out;
}

}  // namespace

Json describe_capabilities(const interact::Model& model) {
  const interact::Capabilities& can = model.capabilities;
  Json out{{"num_interaction_channels", can.num_interaction_channels},
           {"supports_initial_label", can.supports_initial_label},
           {"supports_zero_shot_label_refinement", can.supports_zero_shot_label_refinement},
           {"preferred_scribble_thickness", can.preferred_scribble_thickness},
           {"interaction_decay", can.interaction_decay ? Json(*can.interaction_decay) : Json()},
           {"patch_size", model.patch_size},
           {"do_autozoom", true},
           {"inference_session_version", kMasksOf},
           {"license", model.licence},
           {"supports_undo", true}};
  out["supported_interactions"] = {{"points", can.supports_points},
                                   {"bbox2d", can.supports_bbox2d},
                                   {"bbox3d", can.supports_bbox3d},
                                   {"scribble", can.supports_scribble},
                                   {"lasso", can.supports_lasso}};
  out["channel_mapping"] = {{"prev_seg", can.prev_seg_channel}, {"bbox2d", pair_of(can.bbox2d)},
                            {"bbox3d", pair_of(can.bbox3d)},    {"lasso", pair_of(can.lasso)},
                            {"points", pair_of(can.points)},    {"scribble", pair_of(can.scribble)}};
  return out;
}

Index3 image_shape(const std::vector<std::int64_t>& shape) {
  if (shape.size() != 4) {
    refuse(fmt::format("expected an image of four axes [1, k, j, i], found the shape {}", fmt::join(shape, " x ")));
  }
  if (shape[0] != 1) refuse(fmt::format("the image has {} channels, expected one", shape[0]));
  return {shape[1], shape[2], shape[3]};
}

Target parse_target(const Json& object) {
  const auto shape = json_get<std::vector<std::int64_t>>(object, "shape", "request");
  if (shape.size() != 3) refuse("shape must be 3D");
  if (std::any_of(shape.begin(), shape.end(), [](std::int64_t n) { return n <= 0; })) {
    refuse("shape dimensions must be positive");
  }
  Target target{{shape[0], shape[1], shape[2]}, ScalarType::u8, false};
  const auto name = json_get<std::string>(object, "dtype", "request");
  target.is_bool = name == "bool";
  const auto type = target.is_bool ? ScalarType::u8 : scalar_type_from_name(name);
  if (!type || *type == ScalarType::f32 || *type == ScalarType::f64) {
    refuse(fmt::format("unsupported dtype {}: target buffer must be bool or an integer type", name));
  }
  target.type = *type;
  return target;
}

std::array<double, 3> parse_coordinates(const Json& object) {
  const auto values = json_get<std::vector<double>>(object, "coordinates", "request");
  if (values.size() != 3) {
    refuse(fmt::format("\"coordinates\" has {} numbers, expected three: k, j, i", values.size()));
  }
  return {values[0], values[1], values[2]};
}

bool lies_inside(const std::array<double, 3>& position, const Index3& shape) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (!(position[axis] >= -0.5 && position[axis] < static_cast<double>(shape[axis]) - 0.5)) return false;
  }
  return true;
}

std::pair<std::array<double, 3>, std::array<double, 3>> parse_corners(const Json& object) {
  const auto ranges = parse_ranges<double>(object, "bbox_coords");
  return {{ranges[0][0], ranges[1][0], ranges[2][0]}, {ranges[0][1], ranges[1][1], ranges[2][1]}};
}

Box parse_bounds(const Json& meta, const Index3& shape) {
  const char* key = "interaction_bbox";
  if (!meta.is_object() || !meta.contains(key) || meta.at(key).is_null()) return whole(shape);
  const auto ranges = parse_ranges<std::int64_t>(meta, key);
  const Box box{{ranges[0][0], ranges[1][0], ranges[2][0]}, {ranges[0][1], ranges[1][1], ranges[2][1]}};
  if (box.empty() || intersect(box, whole(shape)) != box) {
    refuse(fmt::format("interaction_bbox {} must hold voxels and lie in the image of shape {}", meta.at(key).dump(),
                       describe_shape(shape)));
  }
  return box;
}

Painting to_painting(io::NpyArray array, const Box& bounds) {
  const Index3 size = bounds.size();
  if (!std::equal(array.shape.begin(), array.shape.end(), size.begin(), size.end())) {
    refuse(fmt::format("the mask's shape is {}, expected {}", fmt::join(array.shape, " x "), describe_shape(size)));
  }
  if (size_of(array.type) == 1) return {bounds, std::move(array.data)};
  Buffer bytes(static_cast<std::size_t>(bounds.volume()));
  std::uint8_t* out = bytes.as<std::uint8_t>().data();
  visit_values(array.type, reinterpret_cast<const std::uint8_t*>(array.data.data()), [&](auto values) {
    for (std::int64_t n = 0; n < bounds.volume(); ++n) out[n] = values[n] != 0;
  });
  return {bounds, std::move(bytes)};
}

Buffer widen(Buffer mask, ScalarType type) {
  const std::size_t width = size_of(type);
  if (width == 1) return mask;
  Buffer out(mask.size() * width);
  std::fill_n(out.data(), out.size(), std::byte{0});
  for (std::size_t n = 0; n < mask.size(); ++n) out.data()[n * width] = mask.data()[n];
  return out;
}

}  // namespace sagittal::server
