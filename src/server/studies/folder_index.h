#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/progress.h"
#include "server/studies/studies.h"

namespace sagittal::server {

struct FolderLimits {
  std::size_t max_files = 200'000;
  std::size_t max_studies = 20'000;
  int max_depth = 32;
  /// A file that was written more recently may not be complete; it is looked at the next time.
  std::chrono::milliseconds settle{2000};
};

/// What is known of a folder of scans, read from the headers of its files.
struct FolderIndex {
  enum class Kind { nothing, image, dicom };
  struct File {
    std::uint64_t size = 0;
    std::int64_t written_ns = 0;
    Kind kind = Kind::nothing;
    std::string series_uid;
  };
  struct Scan {
    Study study;
    std::vector<std::filesystem::path> files;  ///< of the whole series; one file otherwise
    std::int64_t frames = 1;                   ///< volumes; the first is meant
  };
  std::map<std::filesystem::path, File> files;
  std::vector<Scan> scans;
  bool complete = true;    ///< no limit was met
  bool unsettled = false;  ///< files that are being written were left out
};

/// Looks through `root`, an absolute path without links, sub-folders included; symbolic links are not followed. Files
/// that are as they were in `before` are not opened again. NIfTI, NRRD and MetaImage files are told by their names,
/// DICOM files by their contents; what cannot be read is passed over and told to `log`. Error(cancelled).
FolderIndex index_folder(const std::filesystem::path& root, const FolderLimits& limits, const FolderIndex& before,
                         const LogSink& log, const CancelToken& cancel);

/// Reads a scan of the index. Error(not_found) where one of its files now lies outside `root`.
LoadedStudy load_scan(const std::filesystem::path& root, const FolderIndex::Scan& scan, const io::ReadOptions& options);

}  // namespace sagittal::server
