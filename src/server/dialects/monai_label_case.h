#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "volume/geometry.h"

namespace sagittal::server {

/// What is kept beside the image of a client of MONAI Label.
struct MonaiCase {
  struct Label {
    int segment = 0;
    std::vector<Index3> foreground{}, background{};  ///< the clicks (k, j, i) that its mask stands for
  };
  Geometry geometry;
  std::map<std::string, Label> labels{};
};

Json describe(const MonaiCase& known);
/// The inverse. Error(bad_input) for anything else.
MonaiCase parse_monai_case(const Json& json);

}  // namespace sagittal::server
