#pragma once
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "base/json.h"
#include "interact/model.h"
#include "io/npy.h"
#include "volume/box.h"

namespace sagittal::server {

/// Arrays and parameters as the nnInteractive v2 protocol sends them; everything in array order (k, j, i). All throw
/// Error(bad_input | unsupported).

/// Answer to GET /capabilities.
Json describe_capabilities(const interact::Model& model);

/// Shape [k, j, i] of an image [1, k, j, i].
Index3 image_shape(const std::vector<std::int64_t>& shape);

/// The buffer that a client keeps its mask in.
struct Target {
  Index3 shape{};
  ScalarType type = ScalarType::u8;
  bool is_bool = false;
};
Target parse_target(const Json& object);

/// `coordinates`: three finite numbers.
std::array<double, 3> parse_coordinates(const Json& object);
bool lies_inside(const std::array<double, 3>& position, const Index3& shape);
/// `bbox_coords`: three ranges; first the lower, then the upper ends.
std::pair<std::array<double, 3>, std::array<double, 3>> parse_corners(const Json& object);
/// `interaction_bbox`: three half-open ranges inside the image; the whole image where it is absent or null.
Box parse_bounds(const Json& meta, const Index3& shape);

/// A mask of `bounds`; whatever is not zero is painted.
struct Painting {
  Box bounds;
  Buffer bytes;
  std::span<const std::uint8_t> voxels() const { return bytes.as<std::uint8_t>(); }
};
Painting to_painting(io::NpyArray array, const Box& bounds);

/// 0 and 1 as values of an integer type.
Buffer widen(Buffer mask, ScalarType type);

}  // namespace sagittal::server
