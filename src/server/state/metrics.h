#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sagittal::server {

/// Names and values of one time series, e.g. {{"route", "/healthz"}, {"status", "200"}}.
using Labels = std::vector<std::pair<std::string, std::string>>;

/// Numbers for monitoring, written in Prometheus' text format 0.0.4. Any thread.
///
/// Series appear with their first value and stay; whoever records must take labels from a closed set.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  void add(std::string_view counter, const Labels& labels, double amount = 1);
  /// Buckets from 1 ms to 60 s.
  void observe_seconds(std::string_view histogram, const Labels& labels, double seconds);
  /// Asked at every scrape; must be quick.
  void gauge(std::string_view name, const Labels& labels, std::function<double()> value);

  /// The same for a number that only grows.
  void counter(std::string_view name, const Labels& labels, std::function<double()> value);

  /// The line of explanation for a counter, histogram or gauge.
  void describe(std::string_view name, std::string_view help);

  std::string text() const;
  /// Sum of a counter or gauge over all its labels.
  double total(std::string_view name) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sagittal::server
