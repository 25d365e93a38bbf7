#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "stream/library.h"
#include "stream/registry.h"
#include "stream/run.h"

namespace sagittal::stream {

/// A pipeline that somebody started by name, and what became of it. Any thread.
class RunningPipeline {
 public:
  const std::string& id() const { return id_; }
  const std::string& name() const { return name_; }
  const std::string& title() const { return title_; }
  const std::string& owner() const { return owner_; }
  UtcTime started() const { return started_; }
  PipelineRun& run() { return *run_; }
  const PipelineRun& run() const { return *run_; }
  bool has_ended() const { return run_->wait_for(std::chrono::nanoseconds(0)) != nullptr; }
  /// The last lines that its operators said.
  std::vector<std::string> log() const;

 private:
  friend class RunningPipelines;
  struct Lines;
  std::string id_, name_, title_, owner_;
  UtcTime started_ = 0;
  std::shared_ptr<Lines> lines_;
  std::unique_ptr<PipelineRun> run_;
};

/// The pipelines that a server runs. Any thread.
class RunningPipelines {
 public:
  /// Both outlive it. `most`: that run at a time; of those that have ended, as many are kept to be looked at.
  RunningPipelines(const PipelineLibrary& library, const OperatorRegistry& registry, std::size_t most, LogSink log);
  ~RunningPipelines();

  const PipelineLibrary& library() const { return library_; }
  const OperatorRegistry& registry() const { return registry_; }

  /// `parameters`: {"operator": {"parameter": value}}, of those that who starts it may set: Error(conflict) for a file
  /// or an address, whose choice is the machine's owner's. Error(unavailable) where `most` run.
  std::shared_ptr<RunningPipeline> start(std::string_view name, const Json& parameters, const std::string& owner);
  /// A pipeline that is not of the library, with whatever settings it has; `settle_assets` came before.
  std::shared_ptr<RunningPipeline> start_file(const PipelineFile& file, std::string_view name,
                                              const std::string& owner);
  /// Newest first, those of this owner.
  std::vector<std::shared_ptr<RunningPipeline>> list(const std::string& owner) const;
  /// Error(not_found) also for another's.
  std::shared_ptr<RunningPipeline> find(std::string_view id, const std::string& owner) const;
  /// Stops it and forgets it.
  void remove(std::string_view id, const std::string& owner);
  std::size_t running() const;

 private:
  void reserve();
  void settle(std::shared_ptr<RunningPipeline> made);

  const PipelineLibrary& library_;
  const OperatorRegistry& registry_;
  const std::size_t most_;
  const LogSink log_;
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<RunningPipeline>> all_;  // guarded by mutex_; oldest first
  std::size_t starting_ = 0;                          // guarded by mutex_
};

}  // namespace sagittal::stream
