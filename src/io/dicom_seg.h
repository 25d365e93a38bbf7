#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "io/image_io.h"
#include "io/segmentation.h"

namespace sagittal::io {

struct DicomImages;
struct DicomBytes;

/// True for a DICOM file of SOP class Segmentation or Label Map Segmentation Storage.
bool is_dicom_seg(ByteView file, std::string_view what);

/// Reads a DICOM SEG object: BINARY, FRACTIONAL or LABELMAP, segments may overlap. The grid reaches from the first to
/// the last plane that has a frame; planes between them without one are empty. Errors name `what`: bad_input for
/// forged or contradictory data; unsupported for frames without positions, of several orientations or at uneven
/// distances; too_large where the masks take more than `max_bytes`, or far more
/// than the frames of the file.
Segmentation read_dicom_seg(ByteView file, std::uint64_t max_bytes, std::string_view what);

/// A DICOM SEG object as an explicit little-endian file: BINARY, or FRACTIONAL with 8 bits. Segments are numbered from
/// 1 in their order. Empty planes are left out, except at both ends, so that the grid can be read back. Without context
/// it is an object of a study of its own. Segments without codes are called "Tissue". Error(too_large) beyond 3 GiB of
/// pixels.
Bytes write_dicom_seg(const Segmentation& segmentation);

/// What a segmentation of a series needs to know of it.
struct DicomSource {
  DicomContext context;
  Geometry geometry;
};

/// Reads the series that `options` choose in a DICOM file or folder, as `read_image` would.
DicomSource read_dicom_source(const std::filesystem::path& path, const ReadOptions& options);

/// The same for planes that were found before, in files that `open` opens (io/dicom_series.h); empty: on the disk.
DicomSource dicom_source_of(const DicomImages& images, const ReadOptions& options,
                            const std::function<DicomBytes(const std::filesystem::path&)>& open = {});

/// Puts the segmentation on the grid of its source and adds its context. Its voxels must be voxels of the source, all
/// of them or a part, in any order and direction of axes; Error(bad_input) otherwise.
Segmentation placed_on(const Segmentation& segmentation, const DicomSource& source);

/// sRGB to DICOM's scaled CIELab and back, with the white point D65 as DCMTK, 3D Slicer and OHIF have it.
std::array<std::uint16_t, 3> cielab_of(const Rgb& colour);
Rgb rgb_of(const std::array<std::uint16_t, 3>& cielab);

}  // namespace sagittal::io
