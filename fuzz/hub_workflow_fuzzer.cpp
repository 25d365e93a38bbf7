#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "hub/io/plan.h"
#include "hub/io/structure_pattern.h"

/// The first byte chooses what the rest is: a workflow to be planned, or a pattern of paths.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sagittal::hub;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] % 2 == 0) {
      for (const NeededInput& input : plan_of("model", "default", text, {"CT", "MR"}).inputs) {
        static_cast<void>(describe(input));
      }
    } else {
      const StructurePattern pattern = parse_structure(text);
      for (const StructureLevel& level : pattern.levels) static_cast<void>(name_for(level));
    }
  } catch (const sagittal::Error&) {
  }
  return 0;
}
