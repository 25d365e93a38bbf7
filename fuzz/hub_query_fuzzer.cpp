#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "hub/io/target.h"

/// A target's query and path, tried on a file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sagittal::hub;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const DataType type = parse_data_type("nifti:mod=seg:roi=LIVER,SPLEEN:n=5");
  try {
    const Target target = parse_target(text);
    static_cast<void>(target.query.matches(type));
    static_cast<void>(target.path.fits("1.2.3/model/out.seg.nii.gz", {{"sid", "1.2.3"}}));
    static_cast<void>(target.path.shown({{"sid", "1.2.3"}}));
    static_cast<void>(target.path.fill({{"sid", "1.2.3"}}, type, "model/out.seg.nii.gz", "random"));
  } catch (const sagittal::Error&) {
  }
  return 0;
}
