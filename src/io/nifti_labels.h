#pragma once
#include <string_view>

#include "base/bytes.h"
#include "io/segmentation.h"

namespace sagittal::io {

/// Header extensions that say what labels mean: the label table of Caret and Connectome Workbench, which
/// TotalSegmentator writes too (names, colours), and beside it a line of JSON of our own (codes, algorithm, DICOM
/// references).
///
/// A whole .nii file with both. Errors as for `labels_of`; too_large where the texts pass 4 MiB.
Bytes write_nifti_labels(const Segmentation& segmentation);

/// True where `start`, the first bytes of an unpacked .nii file, has a label table.
bool has_nifti_labels(ByteView start);

/// Bytes from the start of a file that hold its extensions, if they are ours to read.
inline constexpr std::size_t kNiftiLabelBytes = (std::size_t{4} << 20) + 1024;

/// Names what `segments` holds, by the extensions in `start`. Error(bad_input) names `what`.
void apply_nifti_labels(ByteView start, Segmentation& segments, std::string_view what);

}  // namespace sagittal::io
