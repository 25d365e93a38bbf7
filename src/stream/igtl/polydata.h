#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace sagittal::igtl {

/// POLYDATA: a surface as VTK has it.
struct PolyData {
  /// Points of each cell, by their numbers.
  using Cells = std::vector<std::vector<std::uint32_t>>;

  struct Attribute {
    enum class Kind : std::uint8_t { scalars, vectors, normals, tensors, colours } kind = Kind::scalars;
    bool of_cells = false;  ///< else of points
    std::uint8_t components = 1;
    std::string name;
    std::vector<float> values;  ///< components of an element together
  };

  std::vector<std::array<float, 3>> points_mm;
  Cells vertices, lines, polygons, strips;
  std::vector<Attribute> attributes;
};

/// Error(bad_input), also for cells of points that are not there and more than 1000 attributes.
PolyData read_poly_data(ByteView content);
/// Error(too_large) where a part has 4 GiB or an attribute's name 65535 bytes.
Bytes write_poly_data(const PolyData& data);

}  // namespace sagittal::igtl
