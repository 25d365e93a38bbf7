#include "server/api/results.h"

#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "io/dicom_seg.h"
#include "io/gzip.h"
#include "io/nifti_labels.h"
#include "io/seg_nrrd.h"
#include "io/segmentation.h"
#include "io/stl.h"
#include "server/api/forms.h"
#include "server/api/image_response.h"
#include "server/api/session_image.h"
#include "volume/surface.h"

namespace sagittal::server {
namespace {

constexpr std::size_t kMaxTriangles = 10'000'000;

io::Segment result_of(const NativeTurn& native, const NativeSegment& segment) {
  const interact::Session& session = native.session();
  const Box box = session.describe_segment(segment.slot).bounds;
  io::Segment out;
  out.number = segment.number;
  out.name = segment.name;
  out.colour = segment.colour;
  if (const auto term = segment.term.empty() ? std::nullopt : terms::find_term(segment.term)) out.codes = term->codes;
  out.algorithm_type = io::AlgorithmType::semiautomatic;
  out.algorithm_name = fmt::format("Sagittal {}", session.model().name);
  if (box.empty()) return out;
  out.mask.bounds_ijk = {reversed(box.lo), reversed(box.hi)};
  out.mask.values.resize(static_cast<std::size_t>(box.volume()));
  session.copy_mask(segment.slot, box, out.mask.values);
  return out;
}

io::Segmentation result_of(const NativeTurn& native, const std::vector<NativeSegment>& segments) {
  io::Segmentation out;
  out.geometry = native.native.geometry;
  for (const NativeSegment& segment : segments) out.segments.push_back(result_of(native, segment));
  return out;
}

/// Without the ending that its upload had.
std::string stem(const std::string& name) {
  std::filesystem::path path = std::filesystem::path(name).filename();
  if (path.extension() == ".gz") path = path.stem();
  return path.stem().string();
}

/// With references to the series that the image came from.
Bytes encode_dicom_seg(const NativeTurn& native, const ApiServices& services, const io::Segmentation& result) {
  const auto source = dicom_source_of(native, services);
  return io::write_dicom_seg(source ? io::placed_on(result, *source) : result);
}

Bytes encode_stl(const io::Segmentation& result) {
  std::vector<Surface> surfaces;
  std::size_t room = kMaxTriangles;
  for (const io::Segment& segment : result.segments) {
    const auto& mask = segment.mask;
    surfaces.push_back(surface_of(mask.values, mask.bounds_ijk, result.geometry, room));
    room -= surfaces.back().triangles.size();
  }
  return io::write_stl(surfaces);
}

}  // namespace

http::Response result_response(const NativeTurn& native, const ApiServices& services,
                               const std::vector<NativeSegment>& segments, const std::string& format,
                               const std::string& name) {
  const io::Segmentation result = result_of(native, segments);
  if (format == "nii.gz" || format == "nii") {
    Bytes file = io::write_nifti_labels(result);
    if (format == "nii.gz") file = io::gzip(file);
    return file_response(std::move(file), "application/octet-stream", stem(name) + "." + format);
  }
  if (format == "nrrd" || format == "seg.nrrd") {
    return file_response(io::write_seg_nrrd(result), "application/octet-stream", stem(name) + ".seg.nrrd");
  }
  if (format == "seg.dcm" || format == "dcm") {
    return file_response(encode_dicom_seg(native, services, result), "application/dicom", stem(name) + ".seg.dcm");
  }
  if (format == "stl") return file_response(encode_stl(result), "model/stl", stem(name) + ".stl");
  throw Error(ErrorCode::bad_input, "format=: expected nii.gz, nii, nrrd, seg.dcm, stl or bits");
}

}  // namespace sagittal::server
