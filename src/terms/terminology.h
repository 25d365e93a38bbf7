#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace sagittal {

/// Red, green, blue of sRGB.
using Rgb = std::array<std::uint8_t, 3>;

/// A coded concept: "10200004" of scheme "SCT" means "Liver structure".
struct Code {
  std::string value;
  std::string scheme;
  std::string meaning;

  bool operator==(const Code&) const = default;
};

/// The same concept, whatever its meaning is called.
inline bool same_concept(const Code& a, const Code& b) { return a.value == b.value && a.scheme == b.scheme; }

/// What a segment is, in codes, as DICOM segments and 3D Slicer's terminology entries say it.
struct Terminology {
  Code category;
  Code type;
  std::optional<Code> modifier{};  ///< of the type, e.g. laterality
  std::optional<Code> region{};    ///< anatomic region, e.g. the organ that a tumour is in
  std::optional<Code> region_modifier{};

  bool operator==(const Terminology&) const = default;
};

}  // namespace sagittal
