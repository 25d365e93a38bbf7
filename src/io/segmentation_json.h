#pragma once
#include <string>
#include <string_view>

#include "io/segmentation.h"

namespace sagittal::io {

/// The context as one line of JSON, for headers of other formats.
std::string context_to_json(const DicomContext& context);
/// The inverse, of a stranger's text. Error(bad_input) names `what`.
DicomContext context_from_json(std::string_view text, std::string_view what);

/// Everything of a segmentation but geometry and voxels, as one line of JSON.
std::string segments_to_json(const Segmentation& segmentation);
/// Sets names, colours, codes and the rest of `segments` by their numbers, and the context. Segments that the text does
/// not know keep what they have; those that have no voxels are added. Error(bad_input) names `what`.
void apply_segments_json(std::string_view text, Segmentation& segmentation, std::string_view what);

}  // namespace sagittal::io
