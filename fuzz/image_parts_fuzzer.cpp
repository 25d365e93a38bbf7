#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "stream/operators/image_parts.h"

/// Nine bytes say a part's image, place and size, some more its pixels; then the next comes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sagittal;
  using namespace sagittal::stream;
  ImageParts parts;
  while (size >= 9) {
    const auto coded = [&](std::size_t at) { return static_cast<std::int64_t>(static_cast<std::int8_t>(data[at])); };
    Frame image;
    image.components = 1 + data[0] % 3;
    image.type = (data[0] & 4) != 0 ? ScalarType::i16 : ScalarType::u8;
    image.geometry.size = {coded(1) * ((data[0] & 8) != 0 ? 1'000'000 : 1), 1 + data[2] % 8, coded(3)};
    ImagePart part{image, {coded(4), coded(5), 0}, {coded(6), 1 + data[7] % 8, coded(3)}, {}};
    const std::size_t pixels = std::min<std::size_t>(size - 9, data[8]);
    part.pixels = SharedBytes(Bytes(data + 9, data + 9 + pixels));
    try {
      const std::string name(1, static_cast<char>('a' + data[0] % 11));
      if (const auto whole = parts.add(name, part)) check_frame(*whole);
      image.pixels = part.pixels;
      if ((data[0] & 128) != 0) {
        check_frame(image);
        parts.whole(name, image);
      }
    } catch (const Error&) {
    }
    data += 9 + pixels;
    size -= 9 + pixels;
  }
  return 0;
}
