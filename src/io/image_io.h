#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "volume/volume.h"

namespace sagittal::io {

struct ReadOptions {
  std::string series_uid;                             ///< of a DICOM folder; empty: the only one
  std::optional<std::int64_t> frame;                  ///< of a file with several volumes, from 0
  bool fill_missing_slices = false;                   ///< interpolate them; otherwise they are an error
  std::uint64_t max_bytes = std::uint64_t{64} << 30;  ///< of voxels, unpacked
  ThreadPool* pool = nullptr;                         ///< decodes DICOM slices; absent: the caller's thread
  LogSink log{};                                      ///< warnings about what was read
};

/// One series of a DICOM folder. Where a series UID holds images that are no single stack (a localizer beside the
/// scan), each stack is an entry: the largest keeps the UID, the others have "#2", "#3" behind it.
struct SeriesInfo {
  std::string uid;
  std::string modality;
  std::string description;
  std::int64_t number = 0;
  std::int64_t images = 0;
};

/// What can be said without reading voxels.
struct ImageInfo {
  std::string format;                ///< "NIfTI-1", "NRRD", "MetaImage", "NumPy", "DICOM"
  Geometry geometry;                 ///< of one volume
  ScalarType type = ScalarType::u8;  ///< as stored, before slope and intercept
  std::int64_t frames = 1;           ///< volumes to choose from
  std::vector<SeriesInfo> series{};  ///< of a DICOM folder; with several and none chosen, only these are filled in
};

/// Reads NIfTI-1 and -2 (.nii, .nii.gz), NRRD (.nrrd, .nhdr), MetaImage (.mha, .mhd), NumPy (.npy, axes [k,j,i], unit
/// spacing), a DICOM file, a folder or a ZIP archive of them; the format is found in the content. Geometry is kept as
/// it is, oblique or left-handed; values are rescaled as the file says. A detached header may only name a file beside
/// or below it. Errors name the file: not_found, bad_input, unsupported, too_large; wrong_usage, with a list, where
/// there are several series or frames and none was chosen.
Volume read_image(const std::filesystem::path& path, const ReadOptions& options = {});

/// The same for a file in memory, except folders and detached headers. `name` is for messages.
Volume read_image(ByteView file, std::string_view name, const ReadOptions& options = {});

ImageInfo describe_image(const std::filesystem::path& path, const ReadOptions& options = {});
/// The same for a file in memory; a gzipped file that is no NIfTI is unpacked for it.
ImageInfo describe_image(ByteView file, std::string_view name, const ReadOptions& options = {});

/// True where `write_image` knows what to write to a file of that name.
bool can_write_image(const std::filesystem::path& path);

/// Writes .nii, .nii.gz, .nrrd, .nhdr (with .raw.gz), .mha, .mhd (with .zraw) or .npy: a reader sees the old file or
/// the whole new one. All but .nii and .npy are compressed. Error(wrong_usage) for another name, Error(io) where it
/// fails.
void write_image(const Volume& volume, const std::filesystem::path& path);

/// The bytes of an attached file: `format` is "nii", "nii.gz", "nrrd", "mha" or "npy".
Bytes encode_image(const Volume& volume, std::string_view format, bool compressed = true);

}  // namespace sagittal::io
