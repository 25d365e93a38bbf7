#pragma once
#include <filesystem>
#include <optional>

#include "io/dicom_seg.h"
#include "io/image_io.h"
#include "io/segmentation.h"

namespace sagittal {

/// Throws Error(wrong_usage) for a file name that says no format a mask can be written in.
void check_mask_output(const std::filesystem::path& output);

/// The series that a DICOM SEG in `output` refers to; other files do not say who the patient is.
std::optional<io::DicomSource> source_for(const std::filesystem::path& output, const std::filesystem::path& image,
                                          const io::ReadOptions& read);

/// Writes the segments, placed on their source where there is one.
void write_placed(const io::Segmentation& segmentation, const std::optional<io::DicomSource>& source,
                  const std::filesystem::path& output);

}  // namespace sagittal
