#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "nn/plans_v1.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto plans = sagittal::nn::parse_plans_v1({data, size}, "fuzz", "Task001_Fuzz");
    sagittal::nn::dataset_of_v1(plans, "nnUNetTrainerV2", "fuzz");
    for (const auto& name : plans.configuration_names()) plans.configuration(name);
  } catch (const sagittal::Error&) {
  }
  return 0;
}
