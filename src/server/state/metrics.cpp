#include "server/state/metrics.h"

#include <array>
#include <cstdint>
#include <map>
#include <mutex>

#include <fmt/format.h>

namespace sagittal::server {
namespace {

constexpr std::array<double, 12> kBounds{0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60};

struct Series {
  double sum = 0;
  std::uint64_t count = 0;
  std::array<std::uint64_t, kBounds.size()> buckets{};
  std::function<double()> value;
};

struct Family {
  std::string_view type = "counter";
  std::string help;
  std::map<std::string, Series> series;  // by formatted labels
};

std::string escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string format_labels(const Labels& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : ",", name, escape(value));
  }
  return text;
}

std::string in_braces(const std::string& labels) { return labels.empty() ? "" : fmt::format("{{{}}}", labels); }

void append_histogram(std::string& out, const std::string& name, const std::string& labels, const Series& series) {
  const std::string comma = labels.empty() ? "" : ",";
  std::uint64_t below = 0;
  for (std::size_t b = 0; b < kBounds.size(); ++b) {
    below += series.buckets[b];
    out += fmt::format("{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, comma, kBounds[b], below);
  }
  out += fmt::format("{}_bucket{{{}{}le=\"+Inf\"}} {}\n", name, labels, comma, series.count);
  out += fmt::format("{}_sum{} {}\n{}_count{} {}\n", name, in_braces(labels), series.sum, name, in_braces(labels),
                     series.count);
}

}  // namespace

struct Metrics::State {
  mutable std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;

  Family& family(std::string_view name) {
    const auto found = families.find(name);
    return found != families.end() ? found->second : families[std::string(name)];
  }

  void ask(std::string_view name, std::string_view type, const Labels& labels, std::function<double()> value) {
    const std::lock_guard lock(mutex);
    family(name).type = type;
    family(name).series[format_labels(labels)].value = std::move(value);
  }
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

void Metrics::add(std::string_view counter, const Labels& labels, double amount) {
  const std::lock_guard lock(state_->mutex);
  state_->family(counter).series[format_labels(labels)].sum += amount;
}

void Metrics::observe_seconds(std::string_view histogram, const Labels& labels, double seconds) {
  const std::lock_guard lock(state_->mutex);
  Family& family = state_->family(histogram);
  family.type = "histogram";
  Series& series = family.series[format_labels(labels)];
  series.sum += seconds;
  ++series.count;
  for (std::size_t b = 0; b < kBounds.size(); ++b) {
    if (seconds > kBounds[b]) continue;
    ++series.buckets[b];
    break;
  }
}

void Metrics::gauge(std::string_view name, const Labels& labels, std::function<double()> value) {
  state_->ask(name, "gauge", labels, std::move(value));
}

void Metrics::counter(std::string_view name, const Labels& labels, std::function<double()> value) {
  state_->ask(name, "counter", labels, std::move(value));
}

void Metrics::describe(std::string_view name, std::string_view help) {
  const std::lock_guard lock(state_->mutex);
  state_->family(name).help = help;
}

double Metrics::total(std::string_view name) const {
  const std::lock_guard lock(state_->mutex);
  double sum = 0;
  const auto found = state_->families.find(name);
  if (found == state_->families.end()) return sum;
  for (const auto& [labels, series] : found->second.series) sum += series.value ? series.value() : series.sum;
  return sum;
}

std::string Metrics::text() const {
  const std::lock_guard lock(state_->mutex);
  std::string out;
  for (const auto& [name, family] : state_->families) {
    if (family.series.empty()) continue;
    if (!family.help.empty()) out += fmt::format("# HELP {} {}\n", name, family.help);
    out += fmt::format("# TYPE {} {}\n", name, family.type);
    for (const auto& [labels, series] : family.series) {
      if (family.type == "histogram") {
        append_histogram(out, name, labels, series);
      } else {
        out += fmt::format("{}{} {}\n", name, in_braces(labels), series.value ? series.value() : series.sum);
      }
    }
  }
  return out;
}

}  // namespace sagittal::server
