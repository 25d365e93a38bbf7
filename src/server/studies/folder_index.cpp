#include "server/studies/folder_index.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "io/dicom_series.h"

namespace sagittal::server {
namespace {

namespace fs = std::filesystem;
using Kind = FolderIndex::Kind;
using Scan = FolderIndex::Scan;

constexpr const char* kFolder = "folder";

bool named_as_image(const fs::path& path) {
  const std::string name = lower_case(path.filename().string());
  if (name.ends_with(".seg.nrrd")) return false;  // segments of some other scan
  constexpr std::array<std::string_view, 6> known{".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"};
  return std::any_of(known.begin(), known.end(), [&](std::string_view end) { return name.ends_with(end); });
}

std::string describe(const Index3& shape, std::int64_t frames) {
  std::string text = fmt::format("{} x {} x {}", shape[0], shape[1], shape[2]);
  if (frames > 1) text += fmt::format(", the first of {} volumes", frames);
  return text;
}

/// The lowest folder that holds all of them.
fs::path common_folder(const std::vector<fs::path>& files) {
  fs::path folder = files.front().parent_path();
  for (const fs::path& file : files) {
    while (*file.lexically_relative(folder).begin() == "..") folder = folder.parent_path();
  }
  return folder;
}

/// One look through a folder.
class FolderScan {
 public:
  FolderScan(const fs::path& root, const FolderLimits& limits, const FolderIndex& before, const LogSink& log,
             const CancelToken& cancel)
      : root_(root), limits_(limits), before_(before), log_(log), cancel_(cancel) {
    for (const Scan& scan : before.scans) {
      scans_before_[scan.study.series_uid.empty() ? scan.files[0].string() : uid_of(scan)].push_back(&scan);
    }
    for (const auto& [path, file] : before.files) {
      if (file.kind == Kind::dicom) ++files_before_[file.series_uid];
    }
  }

  FolderIndex run() && {
    walk();
    for (const auto& [path, file] : index_.files) {
      if (file.kind == Kind::image) add_image(path);
    }
    for (const auto& [uid, files] : series_) add_series(uid, files);
    return std::move(index_);
  }

 private:
  /// The stacks of one series have "#2", "#3" behind its UID.
  static std::string uid_of(const Scan& scan) {
    return scan.study.series_uid.substr(0, scan.study.series_uid.find('#'));
  }

  void check() const {
    if (cancel_.cancelled()) throw Error(ErrorCode::cancelled, "looking through the folder was stopped");
  }

  void walk() {
    std::error_code failure;
    const auto options = fs::directory_options::skip_permission_denied;
    for (auto it = fs::recursive_directory_iterator(root_, options, failure);
         !failure && it != fs::recursive_directory_iterator(); it.increment(failure)) {
      check();
      if (it.depth() >= limits_.max_depth) it.disable_recursion_pending();
      if (index_.files.size() >= limits_.max_files) {
        index_.complete = false;
        warn(root_, fmt::format("only the first {} files are looked at", limits_.max_files));
        break;
      }
      add_file(it->path());
    }
    if (failure) throw Error(ErrorCode::io, fmt::format("cannot list {}: {}", root_.string(), failure.message()));
  }

  void add_file(const fs::path& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
    const std::int64_t written = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    const auto known = before_.files.find(path);
    const bool same = known != before_.files.end() && known->second.size == size && known->second.written_ns == written;
    if (!same && is_fresh(written)) {
      index_.unsettled = true;
      return;
    }
    const FolderIndex::File& file = index_.files[path] = same ? known->second : look_at(path, size, written);
    if (!same) changed_.insert(file.kind == Kind::dicom ? file.series_uid : path.string());
    if (file.kind == Kind::dicom) series_[file.series_uid].push_back(path);
  }

  bool is_fresh(std::int64_t written_ns) const {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto age =
        now - std::chrono::duration_cast<std::chrono::system_clock::duration>(std::chrono::nanoseconds(written_ns));
    return age >= std::chrono::seconds(0) && age < limits_.settle;
  }

  FolderIndex::File look_at(const fs::path& path, std::uint64_t size, std::int64_t written) const {
    FolderIndex::File found{size, written, Kind::nothing, {}};
    if (size == 0) return found;
    if (named_as_image(path)) {
      found.kind = Kind::image;
      return found;
    }
    try {
      const io::DicomBytes start = io::copy_dicom_start(path);
      if (!io::looks_like_dicom(start.bytes)) return found;
      const io::DicomFile dicom = io::parse_dicom(start.bytes, path.string());
      if (!dicom.has_pixels) return found;
      found.kind = Kind::dicom;
      found.series_uid = printable(dicom.dataset.text(io::tags::kSeriesUid));
    } catch (const Error& error) {
      warn(path, error.what());
    }
    return found;
  }

  void add_image(const fs::path& path) {
    if (reuse(path.string(), 1)) return;
    try {
      const io::ImageInfo info = io::describe_image(path);
      if (info.geometry.size[0] < 2 || info.geometry.size[1] < 2 || info.geometry.size[2] < 2) return;  // no volume
      Scan scan;
      scan.files = {path};
      scan.frames = info.frames;
      scan.study.name = printable(path.lexically_relative(root_).generic_string());
      scan.study.shape = info.geometry.size;
      scan.study.detail = fmt::format("{}, {}", info.format, describe(info.geometry.size, info.frames));
      add(std::move(scan), path.lexically_relative(root_).generic_string());
    } catch (const Error& error) {
      warn(path, error.what());
    }
  }

  void add_series(const std::string& uid, const std::vector<fs::path>& files) {
    check();
    if (reuse(uid, files.size())) return;
    try {
      for (const io::DicomImages& images : io::find_dicom_series(files, {}, root_.string(), io::copy_dicom_start)) {
        const io::ImageInfo info = io::describe_dicom(images, {});
        if (info.geometry.size[2] < 2) continue;  // a localizer or a single image
        const std::string folder = common_folder(files).lexically_relative(root_).generic_string();
        const std::string description = printable(images.info.description);
        Scan scan;
        scan.files = files;
        scan.frames = info.frames;
        scan.study.name =
            folder == "." ? description : printable(folder) + (description.empty() ? "" : ": ") + description;
        if (scan.study.name.empty()) scan.study.name = printable(images.info.uid);
        scan.study.modality = printable(images.info.modality);
        scan.study.series_uid = images.info.uid;
        scan.study.images = images.info.images;
        scan.study.shape = info.geometry.size;
        scan.study.detail = fmt::format("DICOM, {}", describe(info.geometry.size, info.frames));
        add(std::move(scan), images.info.uid);
      }
    } catch (const Error& error) {
      warn(files.front(), error.what());
    }
  }

  /// What was found before in the same, unchanged files, be it nothing.
  bool reuse(const std::string& key, std::size_t files) {
    const auto count = files_before_.find(key);
    if (changed_.contains(key) || (count != files_before_.end() && count->second != files)) return false;
    const auto known = scans_before_.find(key);
    if (known == scans_before_.end()) return true;
    for (const Scan* scan : known->second) index_.scans.push_back(*scan);
    return true;
  }

  void add(Scan scan, const std::string& name) {
    if (index_.scans.size() >= limits_.max_studies) {
      index_.complete = false;
      return;
    }
    scan.study.source = kFolder;
    scan.study.id = study_id(kFolder, name);
    index_.scans.push_back(std::move(scan));
  }

  void warn(const fs::path& path, std::string_view why) const {
    if (log_) log_(LogLevel::warning, fmt::format("{} is not offered: {}", printable(path.string()), why));
  }

  const fs::path& root_;
  const FolderLimits& limits_;
  const FolderIndex& before_;
  const LogSink& log_;
  const CancelToken& cancel_;
  FolderIndex index_;
  std::map<std::string, std::vector<const Scan*>> scans_before_;  // by path or series UID
  std::map<std::string, std::size_t> files_before_;               // by series UID
  std::map<std::string, std::vector<fs::path>> series_;
  std::set<std::string> changed_;  // paths and series UIDs
};

}  // namespace

FolderIndex index_folder(const fs::path& root, const FolderLimits& limits, const FolderIndex& before,
                         const LogSink& log, const CancelToken& cancel) {
  return FolderScan(root, limits, before, log, cancel).run();
}

LoadedStudy load_scan(const fs::path& root, const Scan& scan, const io::ReadOptions& options) {
  for (const fs::path& path : scan.files) {
    std::error_code failure;
    const fs::path place = fs::canonical(path, failure);
    if (failure || place.lexically_relative(root).empty() || *place.lexically_relative(root).begin() == "..") {
      throw Error(ErrorCode::not_found, fmt::format("{} is not there any more", scan.study.name));
    }
  }
  io::ReadOptions chosen = options;
  if (scan.frames > 1) chosen.frame = 0;
  if (scan.study.series_uid.empty()) return {scan.study, io::read_image(scan.files[0], chosen), {}, {}};
  chosen.series_uid = scan.study.series_uid;
  const auto series = io::find_dicom_series(scan.files, chosen, scan.study.name, io::copy_dicom_start);
  const io::DicomImages& images = io::choose_series(series, chosen, scan.study.name);
  return {scan.study, io::read_dicom(images, chosen, io::copy_dicom_file),
          io::dicom_source_of(images, chosen, io::copy_dicom_start), images.files};
}

}  // namespace sagittal::server
