#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "nn/plans.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto plans = sagittal::nn::parse_plans(sagittal::as_text({data, size}), "fuzz");
    for (const auto& name : plans.configuration_names()) {
      sagittal::nn::parameters_of(plans.configuration(name).network);
    }
  } catch (const sagittal::Error&) {
  }
  return 0;
}
