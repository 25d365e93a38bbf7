#include "stream/metadata.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::stream {
namespace {

template <class Entries>
auto place_of(Entries& entries, std::string_view key) {
  return std::find_if(entries.begin(), entries.end(), [&](const Metadata::Entry& entry) { return entry.first == key; });
}

}  // namespace

const std::string* Metadata::find(std::string_view key) const {
  const auto found = place_of(entries_, key);
  return found == entries_.end() ? nullptr : &found->second;
}

void Metadata::set(std::string_view key, std::string value) {
  const auto found = place_of(entries_, key);
  if (found != entries_.end()) {
    found->second = std::move(value);
    return;
  }
  if (entries_.size() == kMaxEntries) {
    throw Error(ErrorCode::too_large, fmt::format("metadata: more than {} entries", kMaxEntries));
  }
  entries_.emplace_back(key, std::move(value));
}

void Metadata::merge(const Metadata& other, Merge how) {
  for (const auto& [key, value] : other.entries_) {
    if (how == Merge::update || find(key) == nullptr) set(key, value);
  }
}

}  // namespace sagittal::stream
