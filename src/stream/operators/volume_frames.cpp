#include "stream/operators/volume_frames.h"

#include <cstring>

#include "volume/visit_scalar.h"

namespace sagittal::stream {

Frame frame_of(Volume volume) {
  const auto kept = std::make_shared<const Volume>(std::move(volume));
  const auto bytes = kept->bytes();
  const ByteView view(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  Frame frame{kept->geometry(), 1, kept->type(), SharedBytes(kept, view)};
  check_frame(frame);
  return frame;
}

std::vector<Volume> volumes_of(const Frame& frame) {
  std::vector<Volume> volumes;
  const auto components = static_cast<std::size_t>(frame.components);
  for (std::size_t c = 0; c < components; ++c) {
    Buffer voxels(frame.pixels.size() / components);
    visit_scalar(frame.type, [&]<class T>(T) {
      const std::span<const T> from = frame.as<T>();
      T* to = voxels.as<T>().data();
      for (std::size_t at = c; at < from.size(); at += components) *to++ = from[at];
    });
    volumes.emplace_back(frame.geometry, frame.type, std::move(voxels));
  }
  return volumes;
}

}  // namespace sagittal::stream
