#include <cstddef>
#include <cstdint>
#include <memory>
#include <sstream>
#include <string>

#include "base/error.h"
#include "io/sequence.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    sagittal::io::SequenceReader reader(
        std::make_unique<std::istringstream>(std::string(reinterpret_cast<const char*>(data), size)), "input");
    sagittal::io::SequenceFrame frame;
    for (int n = 0; n < 8 && reader.next(frame); ++n) {
      static_cast<void>(frame.timestamp_s());
      for (const std::string& name : sagittal::io::transform_names(frame.fields)) {
        try {
          static_cast<void>(sagittal::io::transform_of(frame.fields, name));
        } catch (const sagittal::Error&) {
        }
      }
    }
  } catch (const sagittal::Error&) {
  }
  return 0;
}
