#pragma once
#include <string_view>
#include <vector>

#include "io/dicom_seg.h"
#include "io/dicom_series.h"

namespace sagittal::io {

/// DICOM images in memory: one file, or a ZIP archive of files.
struct DicomInMemory {
  std::vector<DicomImages> series;  ///< largest first
  DicomOpener open;                 ///< of their files; uses the bytes given
};

/// `file` must outlive what is returned. Files of an archive that are no DICOM images are passed over. Errors name
/// `what`: too_large where all files of an archive unpack to more than `options.max_bytes`, unsupported where there is
/// no image.
DicomInMemory find_dicom_in(ByteView file, std::string_view what, const ReadOptions& options);

/// What a segmentation of the series that `options` choose needs to know of it.
DicomSource read_dicom_source(ByteView file, std::string_view what, const ReadOptions& options);

}  // namespace sagittal::io
