#pragma once
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "io/segmentation.h"

namespace sagittal::io {

/// True for an NRRD file with 3D Slicer's segment metadata (Segment0_ID or Segment0_Name).
bool is_seg_nrrd(ByteView file, std::string_view what);

/// Reads a .seg.nrrd as 3D Slicer writes it: labels in one layer or several, so that segments may overlap. What its
/// metadata does not say is chosen as for plain labels. Voxels with labels of no segment are passed over. Errors name
/// `what`: bad_input, unsupported; too_large where the voxels or the masks take more than `max_bytes`.
Segmentation read_seg_nrrd(ByteView file, std::uint64_t max_bytes, std::string_view what);

/// A gzipped .seg.nrrd, which 3D Slicer opens as a segmentation. DICOM references travel in a key of our own.
Bytes write_seg_nrrd(const Segmentation& segmentation);

}  // namespace sagittal::io
