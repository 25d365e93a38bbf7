#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hub/runners/engine_images.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const sagittal::hub::EngineImage& image : sagittal::hub::parse_images(text)) {
    if (!sagittal::hub::is_called(image, image.id)) __builtin_trap();
    sagittal::hub::is_called(image, text.substr(0, 200));
  }
  return 0;
}
