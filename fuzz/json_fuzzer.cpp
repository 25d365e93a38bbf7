#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const sagittal::Json json = sagittal::parse_json(sagittal::as_text({data, size}), "fuzz");
    sagittal::json_get_or<int>(json, "n", "fuzz", 0);
    sagittal::json_get_or<std::vector<double>>(json, "v", "fuzz", {});
  } catch (const sagittal::Error&) {
  }
  return 0;
}
