#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"
#include "segment/plan.h"

// plans.json, a line of dashes, dataset.json.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sagittal;
  const std::string_view text = as_text({data, size});
  const auto middle = std::min(text.find("\n---\n"), text.size());
  try {
    nn::ModelFolder model;
    model.plans = nn::parse_plans(text.substr(0, middle), "fuzz");
    model.dataset = nn::parse_dataset(text.substr(std::min(middle + 5, text.size())), "fuzz");
    for (const auto& name : model.plans.configuration_names()) {
      try {
        model.configuration = model.plans.configuration(name);
        const segment::Plan plan = segment::read_plan(model);
        const Vec3 from{5, 1, 1}, to = plan.target_spacing(from);
        segment::resampled_shape({10, 20, 30}, from, to);
        segment::separate_axis(plan.data, from, to);
      } catch (const Error&) {
      }
    }
  } catch (const Error&) {
  }
  return 0;
}
