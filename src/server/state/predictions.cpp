#include "server/state/predictions.h"

#include <climits>

namespace sagittal::server {

Predictions::Prompt::Prompt(Predictions& predictions, std::string session, int segment)
    : predictions_(predictions), place_(std::move(session), segment) {
  const std::lock_guard lock(predictions_.mutex_);
  predictions_.prompts_[place_].insert(this);
}

Predictions::Prompt::~Prompt() {
  const std::lock_guard lock(predictions_.mutex_);
  const auto found = predictions_.prompts_.find(place_);
  found->second.erase(this);
  if (found->second.empty()) predictions_.prompts_.erase(found);
}

Predictions::Stop Predictions::Prompt::stopped() const {
  const std::lock_guard lock(predictions_.mutex_);
  return stop_;
}

void Predictions::Prompt::stop(Stop how) {
  if (stop_ == Stop::no) stop_ = how;
  token_.cancel();
}

std::shared_ptr<Predictions::Prompt> Predictions::enter(const std::string& session, int segment) {
  return std::make_shared<Prompt>(*this, session, segment);
}

bool Predictions::stop(const std::string& session, int segment, Stop how, const Prompt* except) {
  const std::lock_guard lock(mutex_);
  const auto found = prompts_.find({session, segment});
  if (found == prompts_.end()) return false;
  bool any = false;
  for (Prompt* prompt : found->second) {
    if (prompt == except) continue;
    any = true;
    prompt->stop(how);
  }
  return any;
}

void Predictions::drop(const std::string& session) {
  const std::lock_guard lock(mutex_);
  for (auto place = prompts_.lower_bound({session, INT_MIN}); place != prompts_.end(); ++place) {
    if (place->first.first != session) return;
    for (Prompt* prompt : place->second) prompt->stop(Stop::dropped);
  }
}

}  // namespace sagittal::server
