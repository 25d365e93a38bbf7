#pragma once
#include <filesystem>
#include <string_view>

#include "io/image_io.h"
#include "io/segmentation.h"

namespace sagittal::io {

/// True for a file that says what its segments are: a DICOM SEG object, an NRRD file with 3D Slicer's segment metadata,
/// a NIfTI file with a label table. Folders and images of plain voxels are none. Errors as for `read_image`.
bool holds_segments(const std::filesystem::path& path);

/// Reads a DICOM SEG object, .seg.nrrd, NIfTI with or without a label table, or any image of labels that `read_image`
/// reads. Errors name the file; too_large where the masks take more than 8 GiB or `options.max_bytes`.
Segmentation read_segmentation(const std::filesystem::path& path, const ReadOptions& options = {});

/// True for names that ask for a segmentation by themselves: .seg.nrrd, .dcm.
bool is_segmentation_name(const std::filesystem::path& path);

/// Writes .seg.nrrd and .nrrd (3D Slicer's metadata), .dcm (DICOM SEG), .nii and .nii.gz (labels with a label table)
/// and, without names, .mha, .mhd and .npy. Files of labels cannot hold overlaps and fractions: Error(unsupported).
void write_segmentation(const Segmentation& segmentation, const std::filesystem::path& path);

}  // namespace sagittal::io
