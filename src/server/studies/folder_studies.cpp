#include "server/studies/folder_studies.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::server {
namespace {

namespace fs = std::filesystem;
using Scan = FolderIndex::Scan;

constexpr std::chrono::seconds kPatience{10};     // of who asks for a scan that is not known
constexpr std::chrono::seconds kStart{3};         // of who asks for the list before the first look is done
constexpr std::chrono::seconds kBetweenLooks{2};  // at least
constexpr int kLooksShare = 10;                   // looking takes at most one part in so many of the time

fs::path checked(const fs::path& folder) {
  std::error_code failure;
  const fs::path root = fs::canonical(folder, failure);
  if (failure || !fs::is_directory(root, failure)) {
    throw Error(ErrorCode::not_found, fmt::format("--studies {}: expected a folder of scans", folder.string()));
  }
  return root;
}

const Scan* find_scan(const std::vector<Scan>& scans, const std::string& name) {
  const auto found = std::find_if(scans.begin(), scans.end(), [&](const Scan& scan) {
    return scan.study.id == name || scan.study.reference() == name;
  });
  return found == scans.end() ? nullptr : &*found;
}

std::vector<Study> studies_of(const std::vector<Scan>& scans, const std::string& search) {
  std::vector<Study> studies;
  for (const Scan& scan : scans) {
    if (matches(scan.study, search)) studies.push_back(scan.study);
  }
  std::stable_sort(studies.begin(), studies.end(), [](const Study& a, const Study& b) { return a.name < b.name; });
  return studies;
}

const Scan& require(const std::vector<Scan>& scans, const Study& study) {
  const Scan* scan = find_scan(scans, study.id);
  if (scan == nullptr) throw Error(ErrorCode::not_found, fmt::format("{} is not there any more", study.name));
  return *scan;
}

}  // namespace

// ---- a folder

FolderStudies::FolderStudies(const fs::path& folder, const FolderLimits& limits, LogSink log)
    : root_(checked(folder)), limits_(limits), log_(std::move(log)), thread_([this] { run(); }) {}

FolderStudies::~FolderStudies() {
  {
    const std::lock_guard lock(mutex_);
    stop_.cancel();
  }
  changed_.notify_all();
  thread_.join();
}

std::shared_ptr<const FolderIndex> FolderStudies::index() const {
  const std::lock_guard lock(mutex_);
  return index_;
}

void FolderStudies::run() {
  std::unique_lock lock(mutex_);
  while (!stop_.cancelled()) {
    const auto before = index_;
    lock.unlock();
    const Clock::time_point start = Clock::now();
    std::shared_ptr<const FolderIndex> found = before;
    try {
      found = std::make_shared<FolderIndex>(index_folder(root_, limits_, *before, log_, stop_));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::cancelled && log_) log_(LogLevel::error, error.what());
    }
    const Clock::time_point end = Clock::now();
    lock.lock();
    index_ = std::move(found);
    looking_ = false;
    ++looks_;
    next_look_ = end + std::max<Clock::duration>(kBetweenLooks, kLooksShare * (end - start));
    changed_.notify_all();
    changed_.wait(lock, [&] { return looking_ || stop_.cancelled(); });
  }
}

/// Needs `mutex_`.
void FolderStudies::ask_for_look() {
  if (looking_ || Clock::now() < next_look_) return;
  looking_ = true;
  changed_.notify_all();
}

StudyList FolderStudies::list(const std::string& search) {
  std::unique_lock lock(mutex_);
  ask_for_look();
  changed_.wait_for(lock, kStart, [&] { return looks_ > 0 || stop_.cancelled(); });
  const auto index = index_;
  const bool settled = looks_ > 0 && index->complete && !index->unsettled;
  lock.unlock();
  return {studies_of(index->scans, search), settled};
}

std::optional<Study> FolderStudies::find(const std::string& name) {
  if (const Scan* scan = find_scan(index()->scans, name)) return scan->study;
  std::unique_lock lock(mutex_);
  ask_for_look();
  if (looking_) {
    const std::uint64_t enough = looks_ + 1;
    changed_.wait_for(lock, kPatience, [&] { return looks_ >= enough || stop_.cancelled(); });
  }
  const auto now = index_;
  lock.unlock();
  const Scan* scan = find_scan(now->scans, name);
  return scan == nullptr ? std::nullopt : std::optional(scan->study);
}

LoadedStudy FolderStudies::load(const Study& study, const io::ReadOptions& options, const CancelToken&) {
  const auto known = index();
  return load_scan(root_, require(known->scans, study), options);
}

// ---- examples

ExampleStudies::ExampleStudies(const std::vector<Example>& examples) {
  for (const Example& example : examples) {
    std::error_code unknown;
    if (!fs::is_regular_file(example.file, unknown)) continue;
    try {
      const io::ImageInfo info = io::describe_image(example.file);
      Scan scan;
      scan.files = {fs::canonical(example.file)};
      scan.study.id = study_id("example", example.name);
      scan.study.name = example.name;
      scan.study.source = "example";
      scan.study.modality = example.modality;
      const Index3& size = scan.study.shape = info.geometry.size;
      scan.study.detail = fmt::format("{}, {} x {} x {}", info.format, size[0], size[1], size[2]);
      scans_.push_back(std::move(scan));
    } catch (const Error&) {
      // An example is offered or not; nobody asked for it.
    }
  }
}

StudyList ExampleStudies::list(const std::string& search) { return {studies_of(scans_, search), true}; }

std::optional<Study> ExampleStudies::find(const std::string& name) {
  const Scan* scan = find_scan(scans_, name);
  return scan == nullptr ? std::nullopt : std::optional(scan->study);
}

LoadedStudy ExampleStudies::load(const Study& study, const io::ReadOptions& options, const CancelToken&) {
  const Scan& scan = require(scans_, study);
  return load_scan(scan.files[0].parent_path(), scan, options);
}

}  // namespace sagittal::server
