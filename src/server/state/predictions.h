#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "base/progress.h"

namespace sagittal::server {

/// Prompts from their arrival to their answer, by session and segment, so that their predictions can be stopped by
/// those who do not wait for the session. Any thread.
class Predictions {
 public:
  /// `dropped`: as if the prompt had never come; `superseded`: the prompt stays, a newer one predicts with it.
  enum class Stop { no, dropped, superseded };

  /// One prompt; it leaves the list when it is destroyed, which `predictions` must outlive.
  class Prompt {
   public:
    Prompt(Predictions& predictions, std::string session, int segment);
    Prompt(const Prompt&) = delete;
    Prompt& operator=(const Prompt&) = delete;
    ~Prompt();

    /// Cancelled once the prompt is stopped.
    const CancelToken& token() const { return token_; }
    Stop stopped() const;

   private:
    friend class Predictions;
    void stop(Stop how);  // under the mutex of `predictions_`

    Predictions& predictions_;
    const std::pair<std::string, int> place_;
    CancelToken token_;
    Stop stop_ = Stop::no;  // guarded by the mutex of `predictions_`
  };

  std::shared_ptr<Prompt> enter(const std::string& session, int segment);

  /// Stops all that are there now but `except`; one that was stopped before stays so. Whether there was any.
  bool stop(const std::string& session, int segment, Stop how, const Prompt* except = nullptr);
  /// Drops all of a session.
  void drop(const std::string& session);

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::set<Prompt*>> prompts_;  // guarded by mutex_
};

}  // namespace sagittal::server
