#include "volume/stored_voxels.h"

#include <algorithm>
#include <utility>

namespace sagittal {
namespace {

ByteView view(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

}  // namespace

StoredVoxels store(ScalarType type, Buffer voxels) {
  auto owner = std::make_shared<const Buffer>(std::move(voxels));
  const ByteView bytes = view({owner->data(), owner->size()});
  return {type, bytes, std::move(owner)};
}

StoredVoxels store(std::span<const float> voxels) {
  Buffer buffer(voxels.size_bytes());
  std::copy(voxels.begin(), voxels.end(), buffer.as<float>().begin());
  return store(ScalarType::f32, std::move(buffer));
}

StoredVoxels store(const Volume& volume) {
  return {volume.type(), view(volume.bytes()), std::make_shared<const Volume>(volume)};
}

}  // namespace sagittal
