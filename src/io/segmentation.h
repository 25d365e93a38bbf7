#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/dicom_dataset.h"
#include "terms/terminology.h"
#include "volume/box.h"
#include "volume/volume.h"

namespace sagittal::io {

/// The voxels of one segment: those inside `bounds_ijk`, i fastest; all others are 0. Empty bounds hold none.
struct SegmentMask {
  Box bounds_ijk{};
  std::vector<std::uint8_t> values{};  ///< bounds_ijk.volume() of them; 1 in binary segmentations, else 0 to max_value

  bool operator==(const SegmentMask&) const = default;
};

enum class AlgorithmType { automatic, semiautomatic, manual };
/// DICOM's "AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"; anything else that is read counts as manual.
std::string_view name_of(AlgorithmType type);
AlgorithmType algorithm_type_from_name(std::string_view name);

/// One named object. Texts are UTF-8.
struct Segment {
  std::int64_t number = 1;  ///< 1 to 65535, its own; the label in files of labels
  std::string name{};
  std::string description{};
  Rgb colour{};
  std::optional<std::array<std::uint16_t, 3>> cielab{};  ///< DICOM's stored value that `colour` came from
  std::optional<Terminology> codes{};
  AlgorithmType algorithm_type = AlgorithmType::manual;
  std::string algorithm_name{};
  std::string tracking_id{};
  std::string tracking_uid{};
  SegmentMask mask{};
};

/// What the values of a mask mean.
enum class SegmentationKind { binary, probability, occupancy };

/// An image that a segmentation was made on.
struct SourceImage {
  std::string series_uid;
  std::string class_uid;
  std::string instance_uid;
  std::int64_t frame = 0;   ///< of a multi-frame instance, from 1; 0: all of it
  std::int64_t slice = -1;  ///< k that it shows, in the grid of the segmentation; -1: unknown

  bool operator==(const SourceImage&) const = default;
};

/// Where a segmentation belongs among DICOM objects.
struct DicomContext {
  std::map<DicomTag, std::string> attributes{};  ///< UTF-8, of patient, study and the segmentation's series
  std::string frame_of_reference{};
  std::vector<SourceImage> images{};

  bool operator==(const DicomContext&) const = default;
};

/// Segments on one grid; they may overlap.
struct Segmentation {
  Geometry geometry{};
  SegmentationKind kind = SegmentationKind::binary;
  std::uint8_t max_value = 1;  ///< of the masks; 1 where binary
  std::vector<Segment> segments{};
  std::optional<DicomContext> dicom{};
};

/// The non-zero voxels of a whole array of geometry.size voxels, i fastest.
SegmentMask crop_mask(std::span<const std::uint8_t> voxels, const Index3& size);

/// Writes the mask into a whole array of `size`, which is zero elsewhere.
void paste_mask(const SegmentMask& mask, const Index3& size, std::span<std::uint8_t> voxels);

/// A segment per label of an integer image, named "Segment 5"; codes and colours are a default. Error(bad_input |
/// unsupported) for labels that are negative, not whole or beyond 65535.
Segmentation segments_of_labels(const Volume& labels);

/// The labels of a binary segmentation without overlaps, in the smallest of uint8 and uint16. Error(unsupported) that
/// names the overlapping segments, or says that values are fractions.
Volume labels_of(const Segmentation& segmentation);

/// Segments in as few layers as it takes for no two of a layer to overlap: indices into `segments`. Segments of
/// fractions have a layer each.
std::vector<std::vector<std::size_t>> layers_of(const Segmentation& segmentation);

/// A colour of its own for each number, for segments that come without one.
Rgb default_colour(std::int64_t number);

/// Names a segment by a term, its id or a model's class (terms/terms.h), which gives code and colour, or by any other
/// text, which gives the name alone; false for that.
bool name_segment(Segment& segment, std::string_view name);

/// Throws Error(bad_input) unless numbers, bounds and values are as declared above.
void check_segmentation(const Segmentation& segmentation, std::string_view what);

}  // namespace sagittal::io
