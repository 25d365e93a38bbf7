#pragma once
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "server/studies/folder_index.h"

namespace sagittal::server {

/// The scans below a folder, as source "folder". A thread of its own looks through it at the start, and again when
/// somebody asks and the last look is some time ago; who asks meanwhile gets what is known so far.
class FolderStudies : public StudySource {
 public:
  /// `log` is told of files that cannot be read. Error(not_found) where `folder` is none.
  FolderStudies(const std::filesystem::path& folder, const FolderLimits& limits, LogSink log);
  ~FolderStudies() override;

  StudyList list(const std::string& search) override;
  /// Waits a while for the folder to be looked through where the scan is not known yet.
  std::optional<Study> find(const std::string& name) override;
  LoadedStudy load(const Study& study, const io::ReadOptions& options, const CancelToken& cancel) override;

 private:
  using Clock = std::chrono::steady_clock;
  std::shared_ptr<const FolderIndex> index() const;
  void ask_for_look();
  void run();

  const std::filesystem::path root_;
  const FolderLimits limits_;
  const LogSink log_;
  const CancelToken stop_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const FolderIndex> index_ = std::make_shared<FolderIndex>();  // guarded by mutex_
  bool looking_ = true;                                                         // guarded by mutex_
  std::uint64_t looks_ = 0;                                                     // finished; guarded by mutex_
  Clock::time_point next_look_{};                                               // guarded by mutex_
  std::thread thread_;
};

/// Single files, as source "example": what Debian's packages of example scans bring.
class ExampleStudies : public StudySource {
 public:
  struct Example {
    std::filesystem::path file;
    std::string name;
    std::string modality;
  };
  /// Those that are there and can be read.
  explicit ExampleStudies(const std::vector<Example>& examples);

  bool any() const { return !scans_.empty(); }
  StudyList list(const std::string& search) override;
  std::optional<Study> find(const std::string& name) override;
  LoadedStudy load(const Study& study, const io::ReadOptions& options, const CancelToken& cancel) override;

 private:
  std::vector<FolderIndex::Scan> scans_;
};

}  // namespace sagittal::server
