#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "io/image_io.h"

namespace sagittal::server {

/// One of the series in an uploaded file.
struct VolumeSeries {
  std::string uid;
  std::string description;
  std::string modality;
  Index3 shape{};  ///< i, j, k; zero where its images are no regular grid
};

/// What the API says of an uploaded image. Where it holds several series or frames, geometry, type and range are those
/// of the first that can be read; series are ordered by size, the largest first.
struct VolumeInfo {
  std::string id;  ///< SHA-256 of the file
  std::string name;
  std::string format;
  std::uint64_t bytes = 0;
  std::string modality;
  Geometry geometry{};
  ScalarType type = ScalarType::u8;
  double least = 0, most = 0;  ///< of the finite voxels
  std::int64_t frames = 1;
  std::vector<VolumeSeries> series{};  ///< of a DICOM file
};

/// Reads the whole file, so that what is accepted can be read later. Errors as for `io::read_image`.
VolumeInfo describe_volume(ByteView file, std::string name, std::string id, const io::ReadOptions& options);

/// {"shape":[ni,nj,nk],"spacing_mm":[3],"origin_lps_mm":[3],"direction":[9, row by row]}.
Json geometry_json(const Geometry& geometry);
/// The inverse; all but the shape may be left out. Error(bad_input) names `what`.
Geometry parse_geometry(const Json& json, std::string_view what);

Json to_json(const VolumeInfo& info);
VolumeInfo parse_volume_info(const Json& json);

}  // namespace sagittal::server
