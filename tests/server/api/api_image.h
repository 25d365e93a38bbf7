#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/base64.h"
#include "base/json.h"
#include "volume/bits.h"
#include "volume/volume.h"

namespace sagittal::server {

inline constexpr Index3 kApiShape{15, 14, 12};  // i, j, k

inline Geometry api_geometry() {
  return {kApiShape, {0.5, 0.75, 2}, {-10, 20, 30}, {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}};
}

inline Volume api_image(int seed = 0) {
  std::vector<std::int16_t> voxels(static_cast<std::size_t>(api_geometry().voxel_count()));
  for (std::size_t v = 0; v < voxels.size(); ++v) voxels[v] = static_cast<std::int16_t>((v * 37 + seed) % 101 - 20);
  return make_volume<std::int16_t>(api_geometry(), voxels);
}

/// A reply's mask pasted into a whole array [k, j, i].
inline void paste_reply(const Json& reply, std::vector<std::uint8_t>& whole) {
  const auto bounds = reply.at("bounds").get<std::vector<std::array<std::int64_t, 2>>>();
  const auto side = [&](std::size_t axis) { return bounds[axis][1] - bounds[axis][0]; };
  std::vector<std::uint8_t> voxels(static_cast<std::size_t>(side(0) * side(1) * side(2)));
  unpack_bits(decode_base64(reply.at("mask").get<std::string>(), "mask"), voxels);
  std::size_t n = 0;
  for (std::int64_t k = bounds[2][0]; k < bounds[2][1]; ++k)
    for (std::int64_t j = bounds[1][0]; j < bounds[1][1]; ++j)
      for (std::int64_t i = bounds[0][0]; i < bounds[0][1]; ++i)
        whole[static_cast<std::size_t>((k * kApiShape[1] + j) * kApiShape[0] + i)] = voxels[n++];
}

}  // namespace sagittal::server
