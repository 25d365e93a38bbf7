#include "hub/io/segment_table.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "hub/plain_text.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kMostFiles = 1000, kMostLabels = 65'535, kLongestPath = 1000, kLongestId = 200;

[[noreturn]] void refuse(std::string_view what, std::string_view why) {
  throw Error(ErrorCode::bad_input, fmt::format("{}: {}", what, why));
}

}  // namespace

SegmentTable parse_segment_table(std::string_view json, std::string_view what) {
  const Json list = parse_json(json, what);
  if (!list.is_array() || list.size() > kMostFiles) {
    refuse(what, fmt::format("expected a list of up to {} files with their labels", kMostFiles));
  }
  SegmentTable table;
  std::size_t count = 0;
  for (const Json& entry : list) {
    const auto file = json_get<std::string>(entry, "file", what);
    const auto labels = json_get<Json>(entry, "labels", what);
    if (file.size() > kLongestPath || !labels.is_object()) refuse(what, "a file's labels are no object");
    auto& known = table[file];
    for (const auto& item : labels.items()) {
      const auto number = parse_number<std::int64_t>(item.key());
      if (!number || *number < 0 || *number > 65'535) refuse(what, "a label is no number from 0 to 65535");
      if (!item.value().is_string()) refuse(what, "a label stands for no name");
      if (++count > kMostLabels) refuse(what, fmt::format("more than {} labels", kMostLabels));
      known[*number] = plain_line(item.value().get_ref<const std::string&>(), kLongestId);
    }
  }
  return table;
}

void name_segments(const std::map<std::int64_t, std::string>& labels, const OwnSegments& own,
                   io::Segmentation& segmentation) {
  for (io::Segment& segment : segmentation.segments) {
    const auto found = labels.find(segment.number);
    if (found == labels.end()) continue;
    const Structure structure = structure_of(found->second, own);
    segment.name = structure.name;
    segment.codes = structure.codes;
    const bool is_known = structure.codes.has_value() || own.contains(structure.id);
    if (is_known) segment.colour = structure.colour;
  }
}

}  // namespace sagittal::hub
