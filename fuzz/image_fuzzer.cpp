// Every image format from memory: the content decides which. Frame 0, so that files with several are read too.
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "io/image_io.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sagittal::io::ReadOptions options;
  options.max_bytes = 1 << 22;
  options.frame = 0;
  options.fill_missing_slices = true;
  try {
    const auto volume = sagittal::io::read_image({data, size}, "input", options);
    if (volume.bytes().size() > options.max_bytes) __builtin_trap();
    check_geometry(volume.geometry(), "read");
  } catch (const sagittal::Error&) {
  }
  return 0;
}
