#include "hub/io/step_progress.h"

#include <algorithm>

namespace sagittal::hub {

void StepProgress::see(std::string_view line) {
  constexpr std::string_view start = "Start ";
  if (!line.starts_with(start)) return;
  std::string_view name = line.substr(start.size());
  while (name.ends_with(' ')) name.remove_suffix(1);
  const auto from = steps_.begin() + static_cast<std::ptrdiff_t>(next_);
  const auto found = std::find(from, steps_.end(), name);
  if (found == steps_.end()) return;
  const auto at = static_cast<std::size_t>(found - steps_.begin());
  next_ = at + 1;
  control_.report(*found, static_cast<double>(at) / static_cast<double>(steps_.size()));
}

}  // namespace sagittal::hub
