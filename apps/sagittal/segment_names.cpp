#include "segment_names.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "terms/terms.h"

namespace sagittal {

void name_segment_aloud(io::Segment& segment, const std::string& name) {
  if (io::name_segment(segment, name)) return;
  constexpr std::size_t most = 8;
  std::vector<std::string> alike;
  for (const terms::Term& term : terms::search_terms(name)) alike.push_back(term.id);
  alike.resize(std::min(alike.size(), most));
  fmt::print(stderr, "sagittal: \"{}\" is no term: a name without a code{}\n", name,
             alike.empty() ? "" : fmt::format("; terms like it are {}", fmt::join(alike, ", ")));
}

}  // namespace sagittal
