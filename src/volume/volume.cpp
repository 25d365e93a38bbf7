#include "volume/volume.h"

#include <array>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal {
namespace {
constexpr std::array<std::string_view, 10> kNames{"uint8", "int8",   "uint16", "int16",   "uint32",
                                                  "int32", "uint64", "int64",  "float32", "float64"};
constexpr std::array<std::size_t, 10> kSizes{1, 1, 2, 2, 4, 4, 8, 8, 4, 8};
}  // namespace

std::size_t size_of(ScalarType type) { return kSizes[static_cast<std::size_t>(type)]; }

std::string_view name_of(ScalarType type) { return kNames[static_cast<std::size_t>(type)]; }

std::optional<ScalarType> scalar_type_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<ScalarType>(i);
  }
  return std::nullopt;
}

Volume::Volume(Geometry geometry, ScalarType type, Buffer voxels) : geometry_(geometry), type_(type) {
  check_geometry(geometry_, "volume");
  const std::size_t expected = static_cast<std::size_t>(geometry_.voxel_count()) * size_of(type_);
  if (voxels.size() != expected) {
    throw Error(ErrorCode::bad_input,
                fmt::format("volume of {}x{}x{} {} needs {} bytes, found {}", geometry_.size[0], geometry_.size[1],
                            geometry_.size[2], name_of(type_), expected, voxels.size()));
  }
  voxels_ = std::make_shared<const Buffer>(std::move(voxels));
}

std::vector<float> to_float(const Volume& volume) {
  return visit_voxels(volume, [](auto voxels) {
    std::vector<float> out(voxels.size());
    std::transform(voxels.begin(), voxels.end(), out.begin(), [](auto v) { return static_cast<float>(v); });
    return out;
  });
}

Volume to_mask(const Volume& volume) {
  Buffer mask(static_cast<std::size_t>(volume.geometry().voxel_count()));
  visit_voxels(volume, [&mask](auto voxels) {
    std::transform(voxels.begin(), voxels.end(), mask.as<std::uint8_t>().begin(),
                   [](auto v) -> std::uint8_t { return v != 0; });
  });
  return Volume(volume.geometry(), ScalarType::u8, std::move(mask));
}

void throw_wrong_scalar_type(ScalarType held, ScalarType asked) {
  throw Error(ErrorCode::internal, fmt::format("volume holds {}, asked for {}", name_of(held), name_of(asked)));
}

}  // namespace sagittal
