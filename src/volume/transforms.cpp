#include "volume/transforms.h"

#include <algorithm>
#include <deque>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace sagittal {
namespace {
constexpr std::size_t kMaxName = 256;
constexpr std::size_t kMaxPairs = 1024;
constexpr std::size_t kListed = 20;

bool begins_name(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
}  // namespace

TransformName parse_transform_name(std::string_view text) {
  std::optional<std::size_t> split;
  if (text.size() <= kMaxName) {
    for (std::size_t at = 1; at + 2 < text.size(); ++at) {
      if (text.substr(at, 2) != "To" || !begins_name(text[at + 2])) continue;
      if (split) throw Error(ErrorCode::bad_input, fmt::format("\"{}\" can be split at more than one \"To\"", text));
      split = at;
    }
  }
  if (!split) {
    throw Error(ErrorCode::bad_input,
                fmt::format("\"{}\" is no name of a transform; expected one like ProbeToTracker", text.substr(0, 80)));
  }
  return {std::string(text.substr(0, *split)), std::string(text.substr(*split + 2))};
}

void TransformRepository::set(const TransformName& name, const Affine& affine, bool valid) {
  if (name.from == name.to) throw Error(ErrorCode::bad_input, fmt::format("a transform {}", name.text()));
  if (edges_.size() >= 2 * kMaxPairs && !edges_.contains(name)) {
    throw Error(ErrorCode::too_large, fmt::format("more than {} transforms", kMaxPairs));
  }
  Entry back{{}, false};
  if (valid) back = {inverse(affine), true};
  edges_.insert_or_assign(name, Entry{affine, valid});
  edges_.insert_or_assign(name.reversed(), back);
}

/// Breadth first; empty where there is no way.
std::vector<TransformName> TransformRepository::path(const TransformName& name) const {
  std::map<std::string, TransformName> reached_by;
  std::deque<std::string> waiting{name.from};
  for (; !waiting.empty() && !reached_by.contains(name.to); waiting.pop_front()) {
    const std::string from = waiting.front();
    for (auto edge = edges_.lower_bound({from, ""}); edge != edges_.end() && edge->first.from == from; ++edge) {
      const std::string& to = edge->first.to;
      if (to != name.from && reached_by.emplace(to, edge->first).second) waiting.push_back(to);
    }
  }
  std::vector<TransformName> path;
  for (auto found = reached_by.find(name.to); found != reached_by.end(); found = reached_by.find(found->second.from)) {
    path.push_back(found->second);
  }
  std::reverse(path.begin(), path.end());
  return path;
}

TransformRepository::Entry TransformRepository::get(const TransformName& name) const {
  Entry whole;
  if (name.from == name.to) return whole;
  const std::vector<TransformName> steps = path(name);
  if (steps.empty()) {
    std::vector<std::string> known;
    for (const auto& [edge, entry] : edges_) {
      if (edge.from < edge.to && known.size() < kListed) known.push_back(edge.text());
    }
    throw Error(ErrorCode::not_found,
                fmt::format("no way to {}; known, in either direction: {}", name.text(),
                            known.empty() ? "nothing" : fmt::format("{}", fmt::join(known, ", "))));
  }
  for (const TransformName& step : steps) {
    const Entry& entry = edges_.at(step);
    whole.valid = whole.valid && entry.valid;
    if (whole.valid) whole.affine = entry.affine * whole.affine;
  }
  return whole;
}

}  // namespace sagittal
