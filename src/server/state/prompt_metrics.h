#pragma once
#include <chrono>

#include "interact/session.h"
#include "server/state/metrics.h"

namespace sagittal::server {

/// What every dialect records of its prompts. `metrics` must outlive it.
class PromptMetrics {
 public:
  explicit PromptMetrics(Metrics& metrics) : metrics_(metrics) {
    metrics_.describe("sagittal_predictions_total", "Prompts that the network answered, by type.");
    metrics_.describe("sagittal_prediction_seconds", "Time for one prompt, by type.");
    metrics_.describe("sagittal_network_passes_total", "Runs of the network.");
  }

  /// Calls `act()` and records how long it took. `type`: "point", "box", "scribble", "lasso", "initial", "predict".
  template <class Act>
  interact::Outcome measure(const char* type, Act&& act) {
    const auto begin = std::chrono::steady_clock::now();
    const interact::Outcome outcome = act();
    if (!outcome.ran_prediction) return outcome;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    metrics_.add("sagittal_predictions_total", {{"type", type}});
    metrics_.add("sagittal_network_passes_total", {}, outcome.passes);
    metrics_.observe_seconds("sagittal_prediction_seconds", {{"type", type}}, seconds.count());
    return outcome;
  }

 private:
  Metrics& metrics_;
};

}  // namespace sagittal::server
