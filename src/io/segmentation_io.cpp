#include "io/segmentation_io.h"

#include <algorithm>

#include "base/error.h"
#include "io/dicom_seg.h"
#include "io/gzip.h"
#include "io/nifti.h"
#include "io/nifti_labels.h"
#include "io/seg_nrrd.h"

namespace sagittal::io {
namespace {

constexpr std::uint64_t kMaxMaskBytes = std::uint64_t{8} << 30;

enum class Kind { dicom, nrrd, nifti, image };

/// The first bytes of a NIfTI file, unpacked; empty for other files.
Bytes nifti_start(ByteView file, std::string_view what) {
  if (looks_gzipped(file)) {
    if (!looks_like_nifti(gunzip_start(file, kNiftiHeaderBytes, what))) return {};
    return gunzip_start(file, kNiftiLabelBytes, what);
  }
  if (!looks_like_nifti(file)) return {};
  const ByteView start = file.first(std::min(file.size(), kNiftiLabelBytes));
  return {start.begin(), start.end()};
}

Kind kind_of(ByteView file, std::string_view what) {
  if (is_dicom_seg(file, what)) return Kind::dicom;
  if (is_seg_nrrd(file, what)) return Kind::nrrd;
  return has_nifti_labels(nifti_start(file, what)) ? Kind::nifti : Kind::image;
}

bool is_folder(const std::filesystem::path& path) {
  std::error_code unknown;
  return std::filesystem::is_directory(path, unknown);
}

bool ends_with(const std::filesystem::path& path, std::string_view ending) {
  return path.filename().string().ends_with(ending);
}

}  // namespace

bool holds_segments(const std::filesystem::path& path) {
  if (is_folder(path)) return false;
  const MappedFile file(path);
  return kind_of(file.bytes(), path.string()) != Kind::image;
}

Segmentation read_segmentation(const std::filesystem::path& path, const ReadOptions& options) {
  const std::string what = path.string();
  const std::uint64_t max_bytes = std::min(options.max_bytes, kMaxMaskBytes);
  if (!is_folder(path)) {
    const MappedFile file(path);
    const Kind kind = kind_of(file.bytes(), what);
    if (kind == Kind::dicom) return read_dicom_seg(file.bytes(), max_bytes, what);
    if (kind == Kind::nrrd) return read_seg_nrrd(file.bytes(), max_bytes, what);
    if (kind == Kind::nifti) {
      Segmentation segments = segments_of_labels(read_image(path, options));
      apply_nifti_labels(nifti_start(file.bytes(), what), segments, what);
      return segments;
    }
  }
  const Volume labels = read_image(path, options);
  try {
    return segments_of_labels(labels);
  } catch (Error& error) {
    throw error.within(what);
  }
}

bool is_segmentation_name(const std::filesystem::path& path) {
  return ends_with(path, ".seg.nrrd") || ends_with(path, ".dcm");
}

void write_segmentation(const Segmentation& segmentation, const std::filesystem::path& path) {
  if (ends_with(path, ".dcm")) return write_file_atomically(path, write_dicom_seg(segmentation));
  if (ends_with(path, ".nrrd")) return write_file_atomically(path, write_seg_nrrd(segmentation));
  if (ends_with(path, ".nii")) return write_file_atomically(path, write_nifti_labels(segmentation));
  if (ends_with(path, ".nii.gz")) return write_file_atomically(path, gzip(write_nifti_labels(segmentation)));
  write_image(labels_of(segmentation), path);
}

}  // namespace sagittal::io
