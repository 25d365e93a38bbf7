#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"
#include "io/dicom_seg.h"
#include "io/image_io.h"
#include "volume/volume.h"

namespace sagittal::server {

/// A scan that the server offers by itself. Texts are UTF-8.
struct Study {
  std::string id;           ///< 16 hexadecimal digits, the same after a restart
  std::string name;         ///< for people
  std::string source;       ///< "example", "folder" or "dicomweb"
  std::string modality;     ///< DICOM's; empty: unknown
  std::string detail;       ///< more for people
  std::string series_uid;   ///< of a DICOM series; empty: a file of another format
  std::string study_uid;    ///< of an archive's series
  std::int64_t images = 0;  ///< of a DICOM series
  Index3 shape{};           ///< voxels along i, j, k; zero: not known before it is loaded

  /// What viewers call it that do not know `id`: the SeriesInstanceUID, or the file's path.
  const std::string& reference() const { return series_uid.empty() ? name : series_uid; }
};

/// A scan that was read.
struct LoadedStudy {
  Study study;
  Volume image;
  std::optional<io::DicomSource> dicom{};      ///< of a DICOM series: what a segmentation of it refers to
  std::vector<std::filesystem::path> files{};  ///< of a DICOM series
};

struct StudyList {
  std::vector<Study> studies;
  bool complete = true;                    ///< false: a folder is still being looked through, or an archive has more
  std::vector<std::string> problems = {};  ///< why a source is missing
};

/// Where scans come from. Any thread.
class StudySource {
 public:
  virtual ~StudySource() = default;

  /// Those whose name, detail, modality or UID holds `search` (any case); all for an empty one. Error(unavailable | io)
  /// where an archive cannot be reached.
  virtual StudyList list(const std::string& search) = 0;
  /// The one with that id or reference.
  virtual std::optional<Study> find(const std::string& name) = 0;
  /// Reads one that `find` or `list` gave. Error(not_found) where it went away; errors of `io::read_image`.
  virtual LoadedStudy load(const Study& study, const io::ReadOptions& options, const CancelToken& cancel) = 0;
  /// Puts a DICOM SEG of that study where its images are; false where this source takes none.
  virtual bool put_segmentation(const Study& study, ByteView dicom_seg, const CancelToken& cancel);
};

/// The scans of all sources. Any thread.
class Studies {
 public:
  explicit Studies(std::vector<std::unique_ptr<StudySource>> sources) : sources_(std::move(sources)) {}

  bool any() const { return !sources_.empty(); }
  /// A source that fails is a problem of the list, not an error.
  StudyList list(const std::string& search = {}) const;
  std::optional<Study> find(const std::string& name) const;
  /// By id or reference; Error(not_found) where there is none.
  LoadedStudy load(const std::string& name, const io::ReadOptions& options, const CancelToken& cancel = {}) const;
  bool put_segmentation(const std::string& name, ByteView dicom_seg, const CancelToken& cancel = {}) const;

 private:
  const std::vector<std::unique_ptr<StudySource>> sources_;
};

/// An id for what is named so in that source.
std::string study_id(std::string_view source, std::string_view name);
/// Whether `search` occurs in what is shown of the study, in any case.
bool matches(const Study& study, std::string_view search);
/// Bytes that are no UTF-8 become '?', control characters spaces.
std::string printable(std::string_view text);

}  // namespace sagittal::server
