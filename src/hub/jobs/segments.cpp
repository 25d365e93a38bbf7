#include "hub/jobs/segments.h"

#include <numeric>

#include "terms/terms.h"

namespace sagittal::hub {
namespace {

/// A name says more than codes where both are a term's: "LEFT_HIP" and "RIGHT_HIP" have the same codes.
std::string id_of(const io::Segment& segment) {
  const auto named = terms::find_term(segment.name);
  if (named && segment.codes && named->codes.type.value == segment.codes->type.value) return named->id;
  if (!segment.codes) return {};
  const auto coded = terms::find_term(*segment.codes);
  return coded ? coded->id : std::string();
}

}  // namespace

std::vector<OutputSegment> output_segments(const io::Segmentation& segmentation) {
  const Vec3 mm = segmentation.geometry.spacing_mm;
  const double voxel_ml = mm[0] * mm[1] * mm[2] / 1000 / segmentation.max_value;
  std::vector<OutputSegment> out;
  for (const io::Segment& segment : segmentation.segments) {
    const auto sum = std::accumulate(segment.mask.values.begin(), segment.mask.values.end(), std::uint64_t{0});
    out.push_back({segment.number, segment.name, id_of(segment), segment.colour, segment.codes,
                   static_cast<double>(sum) * voxel_ml});
  }
  return out;
}

}  // namespace sagittal::hub
