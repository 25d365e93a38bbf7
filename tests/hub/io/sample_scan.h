#pragma once
#include <filesystem>
#include <string>

#include "base/bytes.h"
#include "io/dicom_seg.h"
#include "io/dicom_writer.h"

namespace sagittal::hub {

/// A scan of the test's own making, as files of a folder.
struct SampleScan {
  std::string series = "1.2.3";
  std::string modality = "CT";
  std::string frame_of_reference = "1.2.9";
  int slices = 4;
  double distance = 2.5;

  io::SliceWriter slice(int n) const {
    io::SliceWriter writer;
    writer.series = series;
    writer.modality = modality;
    writer.number = n + 1;
    writer.position = {-10, -20, n * distance};
    writer.more = {
        {DCM_FrameOfReferenceUID, frame_of_reference}, {DCM_StudyInstanceUID, "1.2.1"}, {DCM_PatientID, "somebody"}};
    return writer;
  }
  static void write(const std::filesystem::path& path, const Bytes& bytes) {
    std::filesystem::create_directories(path.parent_path());
    write_file_atomically(path, bytes);
  }
  /// Files with names that say nothing, in no order.
  void write_to(const std::filesystem::path& folder) const {
    for (int n = 0; n < slices; ++n) {
      write(folder / (series + "-IM" + std::to_string((n * 7) % slices) + "_" + std::to_string(n)), slice(n).bytes());
    }
  }
};

/// A box of two voxels in each direction on a scan, as a DICOM SEG of it.
inline io::Segmentation box_on(const std::filesystem::path& scan, const std::string& name) {
  const io::DicomSource source = io::read_dicom_source(scan, {});
  io::Segmentation out;
  out.geometry = source.geometry;
  out.dicom = source.context;
  io::Segment segment;
  segment.colour = {220, 10, 10};
  io::name_segment(segment, name);
  segment.algorithm_type = io::AlgorithmType::automatic;
  segment.algorithm_name = "sample";
  segment.mask = {{{1, 1, 1}, {3, 3, 3}}, std::vector<std::uint8_t>(8, 1)};
  out.segments.push_back(segment);
  return out;
}

}  // namespace sagittal::hub
