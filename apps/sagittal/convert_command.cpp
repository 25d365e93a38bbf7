#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "choose_image.h"
#include "commands.h"
#include "io/dicom_seg.h"
#include "io/segmentation_io.h"
#include "segment_names.h"

namespace sagittal::commands {
namespace {

struct Arguments {
  std::filesystem::path in, out;
  std::filesystem::path source;
  std::vector<std::string> labels;  ///< "5=LIVER"
  bool segments = false;
  bool no_patient = false;
  io::ReadOptions read;
};

constexpr const char* kWritable = ".nii.gz, .nii, .seg.nrrd, .nrrd, .nhdr, .mha, .mhd, .npy or .dcm";

/// Names segment 5 for "5=LIVER".
void apply_label(const std::string& label, io::Segmentation& segmentation) {
  const auto equals = label.find('=');
  std::int64_t number = 0;
  const char* end = label.data() + std::min(equals, label.size());
  if (equals == std::string::npos || std::from_chars(label.data(), end, number).ptr != end || equals == 0)
    throw Error(ErrorCode::wrong_usage, fmt::format("--label {}: expected NUMBER=NAME, e.g. 5=LIVER", label));
  const auto found = std::find_if(segmentation.segments.begin(), segmentation.segments.end(),
                                  [&](const io::Segment& s) { return s.number == number; });
  if (found == segmentation.segments.end())
    throw Error(ErrorCode::not_found, fmt::format("--label {}: there is no segment {}", label, number));
  name_segment_aloud(*found, label.substr(equals + 1));
}

/// Everything but the references to images: who the patient is and when the study was.
void drop_patient(io::Segmentation& segmentation) {
  if (!segmentation.dicom) return;
  for (const io::DicomTag tag : io::tags::kSubject) {
    if (tag != io::tags::kStudyUid) segmentation.dicom->attributes.erase(tag);
  }
}

void convert_segments(const Arguments& arguments) {
  io::Segmentation segmentation = io::read_segmentation(arguments.in, arguments.read);
  for (const std::string& label : arguments.labels) apply_label(label, segmentation);
  if (!arguments.source.empty())
    segmentation = io::placed_on(segmentation, io::read_dicom_source(arguments.source, arguments.read));
  if (arguments.no_patient) drop_patient(segmentation);
  const bool orphan = !segmentation.dicom || segmentation.dicom->images.empty();
  if (arguments.out.extension() == ".dcm" && orphan)
    fmt::print(stderr, "sagittal: {} refers to no images; --source FOLDER names the series it belongs to\n",
               arguments.out.string());
  io::write_segmentation(segmentation, arguments.out);
}

/// Whether the segments are wanted, or the image as it is: of a file in layers, --frame takes one.
bool wants_segments(const Arguments& arguments) {
  return arguments.segments || io::is_segmentation_name(arguments.out) || !arguments.source.empty() ||
         !arguments.labels.empty() || (!arguments.read.frame && io::holds_segments(arguments.in));
}

void convert(const Arguments& arguments) {
  if (!io::can_write_image(arguments.out) && !io::is_segmentation_name(arguments.out)) {  // said before a long read
    throw Error(ErrorCode::wrong_usage,
                fmt::format("{}: expected a name that ends in {}", arguments.out.string(), kWritable));
  }
  if (wants_segments(arguments)) return convert_segments(arguments);
  io::write_image(read_chosen_image(arguments.in, arguments.read), arguments.out);
}

}  // namespace

void add_convert(CLI::App& app) {
  auto* command = app.add_subcommand(
      "convert",
      "Write an image, a DICOM series or a segmentation to another format; geometry, values and names are kept");
  const auto arguments = std::make_shared<Arguments>();
  command
      ->add_option("IN", arguments->in,
                   "NIfTI, NRRD, MetaImage, NumPy, a DICOM file or folder; .seg.nrrd or DICOM SEG with its segments")
      ->required();
  command->add_option("OUT", arguments->out, kWritable)->required();
  command->add_option("--series", arguments->read.series_uid, "Series UID, where a folder holds several");
  command->add_option("--frame", arguments->read.frame, "Volume, from 0, where a file holds several");
  command->add_flag("--fill-missing", arguments->read.fill_missing_slices, "Interpolate slices that a series lacks");
  command->add_option("--source", arguments->source, "DICOM series that was segmented, for a DICOM SEG to refer to");
  command->add_option("--label", arguments->labels, "Name a segment: a term like LIVER gives its code and colour too")
      ->type_name("NUMBER=NAME")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->expected(1);
  command->add_flag("--segments", arguments->segments, "Take an image of labels as segments");
  command->add_flag("--no-patient", arguments->no_patient, "Leave out who the patient is and when the study was");
  command->callback([arguments] { convert(*arguments); });
}

}  // namespace sagittal::commands
