#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "hub/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sagittal::hub;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool listing : {false, true}) {
    try {
      if (listing) {
        parse_file_list(text, "nnInteractive_v1.0");
      } else {
        choose_model(text, "");
      }
    } catch (const sagittal::Error&) {
    }
  }
  return 0;
}
