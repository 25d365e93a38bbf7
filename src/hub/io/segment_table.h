#pragma once
#include <map>
#include <string>
#include <string_view>

#include "hub/structures.h"
#include "io/segmentation.h"

namespace sagittal::hub {

/// What the labels of files mean, as MHub's JsonSegExporter writes it: [{"file": …, "labels": {"1": "LIVER"}}].
using SegmentTable = std::map<std::string, std::map<std::int64_t, std::string>, std::less<>>;

/// Reads a segdef.json. Error(bad_input) for what is none, and for more than 1000 files or 65 535 labels.
SegmentTable parse_segment_table(std::string_view json, std::string_view what);

/// Names segments by SegDB ids, or those of the model's own: name, colour and codes.
void name_segments(const std::map<std::int64_t, std::string>& labels, const OwnSegments& own,
                   io::Segmentation& segmentation);

}  // namespace sagittal::hub
