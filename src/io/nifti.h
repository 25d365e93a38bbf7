#pragma once
#include <cstddef>
#include <string_view>

#include "base/bytes.h"
#include "io/image_header.h"

namespace sagittal::io {

inline constexpr std::size_t kNiftiHeaderBytes = 540;  ///< the longer one, NIfTI-2

/// True where `start` (unpacked) begins as a NIfTI-1 or NIfTI-2 header of either byte order does.
bool looks_like_nifti(ByteView start);

/// Parses the header in `start`, at least its first kNiftiHeaderBytes or the whole file. The orientation is the sform's
/// where it is set and its axes are at right angles, else the qform's, else the voxel sizes along R, A, S; lengths are
/// converted to millimetres and RAS to LPS. Error(bad_input | unsupported) names `what`.
ImageHeader parse_nifti_header(ByteView start, std::string_view what);

/// A whole .nii file, NIfTI-1 or, where a size needs it, NIfTI-2; sform and qform hold the geometry.
Bytes write_nifti(const Volume& volume);

}  // namespace sagittal::io
