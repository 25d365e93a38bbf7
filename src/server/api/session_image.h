#pragma once
#include <optional>

#include "io/dicom_seg.h"
#include "server/api/session_access.h"
#include "volume/volume.h"

namespace sagittal::server {

/// What a session that is in memory alone keeps of its image, in `ClientSession::note`.
struct SessionImage {
  Volume image;
  std::optional<io::DicomSource> source;  ///< of a DICOM series
};

/// The session's image, from its own copy of the uploaded file or from memory.
Volume image_of(const NativeTurn& native, const ApiServices& services);

/// What a segmentation of the session's image refers to; none where it is no DICOM series.
std::optional<io::DicomSource> dicom_source_of(const NativeTurn& native, const ApiServices& services);
std::optional<io::DicomSource> dicom_source_of(ByteView file, const io::ReadOptions& options);

}  // namespace sagittal::server
