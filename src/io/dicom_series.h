#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/dicom_dataset.h"
#include "io/dicom_pixels.h"
#include "io/dicom_stack.h"
#include "io/image_io.h"

namespace sagittal::io {

/// One image plane of a file, and what turns its stored values into real ones.
struct DicomPlane {
  std::size_t file = 0;  ///< index into DicomImages::files
  std::int64_t frame = 0;
  Plane plane;
  double slope = 1, intercept = 0;
};

/// Planes that can form one stack: the same series, size and orientation.
struct DicomImages {
  SeriesInfo info;
  std::string format = "DICOM";
  std::vector<std::filesystem::path> files;
  std::vector<std::int64_t> frames_in_file;
  PixelFormat pixels;  ///< of the first file
  std::vector<DicomPlane> planes;
};

/// A file's bytes while they are needed.
struct DicomBytes {
  ByteView bytes;
  std::shared_ptr<const void> owner;
};
/// Opens a file by the path that `DicomImages` has for it; from any thread.
using DicomOpener = std::function<DicomBytes(const std::filesystem::path&)>;
/// On the disk: mapped, or copied. Error(too_large) for a copy of more than 1 GiB.
DicomBytes open_dicom_file(const std::filesystem::path& path);
DicomBytes copy_dicom_file(const std::filesystem::path& path);
/// On the disk, up to the pixels: enough to find series.
DicomBytes copy_dicom_start(const std::filesystem::path& path);

/// The image series below `folder`, sub-folders included, largest first. Files that are no DICOM images are passed
/// over; DICOM files that cannot be read are reported to `options.log`.
std::vector<DicomImages> find_dicom_series(const std::filesystem::path& folder, const ReadOptions& options);
/// The same for these files; `what` is for messages.
std::vector<DicomImages> find_dicom_series(const std::vector<std::filesystem::path>& files, const ReadOptions& options,
                                           std::string_view what, const DicomOpener& open = open_dicom_file);

/// The planes of one file, grouped as above. `path` is for messages, and for reading pixels where `file` is not kept.
std::vector<DicomImages> images_of_file(ByteView file, const std::filesystem::path& path);

/// The one entry that `options.series_uid` names, or the only one; Error(wrong_usage) with the list where it is open,
/// Error(not_found) where there is none.
const DicomImages& choose_series(const std::vector<DicomImages>& series, const ReadOptions& options,
                                 std::string_view what);

/// How the planes of a series lie, in order.
Stack stack_of(const DicomImages& images, const ReadOptions& options);

/// The frame of a stack that `options` chooses; Error(wrong_usage) where that is open, Error(not_found) for another.
std::size_t chosen_frame(const Stack& stack, const DicomImages& images, const ReadOptions& options);

/// Decodes a series.
Volume read_dicom(const DicomImages& images, const ReadOptions& options, const DicomOpener& open = open_dicom_file);

/// What `read_dicom` would return, without decoding.
ImageInfo describe_dicom(const DicomImages& images, const ReadOptions& options);

}  // namespace sagittal::io
