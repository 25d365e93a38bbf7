#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "hub/io/segment_table.h"

/// A segdef.json that a model left, applied to two segments.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sagittal;
  try {
    io::Segmentation segmentation;
    segmentation.segments.resize(2);
    segmentation.segments[1].number = 2;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const auto& [file, labels] : hub::parse_segment_table(text, "segdef.json")) {
      hub::name_segments(labels, {}, segmentation);
    }
  } catch (const Error&) {
  }
  return 0;
}
