#include "server/studies/series_cache.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "io/dicom_dataset.h"
#include "server/studies/dicom_json.h"

namespace sagittal::server {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPart = ".part";
constexpr const char* kFile = ".dcm";

fs::path temporary_folder() {
  std::string name = (fs::temp_directory_path() / "sagittal-archive-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw Error(ErrorCode::io, "cannot make a temporary folder");
  return name;
}

void make_private(const fs::path& folder) {
  fs::create_directories(folder);
  fs::permissions(folder, fs::perms::owner_all);
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code failure;
  for (auto it = fs::directory_iterator(folder, failure); !failure && it != fs::directory_iterator();
       it.increment(failure)) {
    files.push_back(it->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::uint64_t bytes_in(const fs::path& folder) {
  std::uint64_t sum = 0;
  for (const fs::path& file : files_in(folder)) {
    std::error_code unknown;
    const auto size = fs::file_size(file, unknown);
    if (!unknown) sum += size;
  }
  return sum;
}

/// The images of `folder` are those, no more and no less.
bool holds_exactly(const fs::path& folder, const std::vector<std::string>& sorted_uids) {
  std::vector<std::string> found;
  for (const fs::path& file : files_in(folder)) found.push_back(file.stem().string());
  std::sort(found.begin(), found.end());
  return !found.empty() && found == sorted_uids;
}

}  // namespace

SeriesCache::SeriesCache(fs::path folder, const Limits& limits)
    : temporary_(folder.empty()), folder_(temporary_ ? temporary_folder() : std::move(folder)), limits_(limits) {
  try {
    make_private(folder_);
    for (const fs::path& path : files_in(folder_)) {
      if (path.extension() == kPart) fs::remove_all(path);
    }
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io, error.what());
  }
}

SeriesCache::~SeriesCache() {
  std::error_code ignored;
  if (temporary_) fs::remove_all(folder_, ignored);
}

SeriesCache::Writer::Writer(fs::path folder, std::string series_uid, std::uint64_t max_bytes)
    : folder_(std::move(folder)), series_uid_(std::move(series_uid)), max_bytes_(max_bytes) {}

void SeriesCache::Writer::put(const Bytes& image) {
  constexpr const char* what = "an image of the archive";
  bytes_ += image.size();
  if (bytes_ > max_bytes_) {
    throw Error(ErrorCode::too_large,
                fmt::format("the series has more than {} bytes, as many as are taken", max_bytes_));
  }
  const io::DicomFile file = io::parse_dicom(image, what);
  const std::string series = file.dataset.text(io::tags::kSeriesUid);
  const std::string uid = file.dataset.text(io::tags::kSopInstance);
  if (series != series_uid_ || !is_dicom_uid(uid)) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: it is of another series than was asked for", what));
  }
  const fs::path path = folder_ / (uid + kFile);
  std::error_code unknown;
  if (fs::exists(path, unknown)) throw Error(ErrorCode::bad_input, fmt::format("{}: it came twice", what));
  write_file_atomically(path, image, 0600);
  ++count_;
}

std::vector<fs::path> SeriesCache::get(const std::string& series_uid, std::vector<std::string> expected,
                                       const std::function<void(Writer&)>& fetch) {
  if (!is_dicom_uid(series_uid)) throw Error(ErrorCode::bad_input, "the series has no usable UID");
  std::shared_ptr<std::mutex> own;
  {
    const std::lock_guard lock(mutex_);
    auto& entry = fetching_[series_uid];
    if (!entry) entry = std::make_shared<std::mutex>();
    own = entry;
  }
  const std::lock_guard lock(*own);
  const fs::path folder = folder_ / series_uid, part = folder_ / (series_uid + kPart);
  std::sort(expected.begin(), expected.end());
  try {
    if (!holds_exactly(folder, expected)) {
      fs::remove_all(part);
      make_private(part);
      Writer writer(part, series_uid, limits_.max_series_bytes);
      fetch(writer);
      if (writer.count() == 0) throw Error(ErrorCode::not_found, "the archive sent no image of the series");
      fs::remove_all(folder);
      fs::rename(part, folder);
    }
    fs::last_write_time(folder, fs::file_time_type::clock::now());
  } catch (const fs::filesystem_error& error) {
    std::error_code ignored;
    fs::remove_all(part, ignored);
    throw Error(ErrorCode::io, error.what());
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(part, ignored);
    throw;
  }
  make_room(series_uid);
  return files_in(folder);
}

void SeriesCache::make_room(const std::string& except) {
  const std::lock_guard lock(mutex_);
  struct Kept {
    fs::file_time_type used;
    std::uint64_t bytes;
    fs::path folder;
  };
  std::vector<Kept> all;
  std::uint64_t sum = 0;
  for (const fs::path& folder : files_in(folder_)) {
    std::error_code unknown;
    if (!fs::is_directory(folder, unknown) || folder.extension() == kPart) continue;
    all.push_back({fs::last_write_time(folder, unknown), bytes_in(folder), folder});
    sum += all.back().bytes;
  }
  std::sort(all.begin(), all.end(), [](const Kept& a, const Kept& b) { return a.used < b.used; });
  for (const Kept& kept : all) {
    if (sum <= limits_.max_bytes) return;
    if (kept.folder.filename() == except) continue;
    std::error_code ignored;
    fs::remove_all(kept.folder, ignored);
    sum -= kept.bytes;
  }
}

}  // namespace sagittal::server
