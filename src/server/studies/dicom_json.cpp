#include "server/studies/dicom_json.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "server/studies/studies.h"

namespace sagittal::server {
namespace {

constexpr const char* kAnswer = "the archive's answer";
constexpr std::size_t kMaxEntries = 20'000;
constexpr std::size_t kMaxText = 200;
constexpr int kMaxDepth = 16;

std::vector<Json> entries_of(std::string_view json, bool one_is_enough = false) {
  if (json.find_first_not_of(" \t\r\n") == std::string_view::npos) return {};  // 204 No Content
  Json answer = parse_json(json, kAnswer, kMaxDepth);
  if (answer.is_object() && one_is_enough) return {std::move(answer)};
  if (!answer.is_array()) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: expected a list, found {}", kAnswer, answer.type_name()));
  }
  if (answer.size() > kMaxEntries) {
    throw Error(ErrorCode::too_large, fmt::format("{}: more than {} entries", kAnswer, kMaxEntries));
  }
  return std::move(answer).get<std::vector<Json>>();
}

/// The values of an element; null where it has none.
const Json* values_of(const Json& entry, const char* tag) {
  if (!entry.is_object()) return nullptr;
  const auto element = entry.find(tag);
  if (element == entry.end() || !element->is_object()) return nullptr;
  const auto values = element->find("Value");
  return values == element->end() || !values->is_array() || values->empty() ? nullptr : &*values;
}

/// The first value of an element as text; empty where it has none.
std::string text_of(const Json& entry, const char* tag) {
  const Json* values = values_of(entry, tag);
  if (values == nullptr) return {};
  const Json& value = values->front();
  if (value.is_number_integer()) return std::to_string(value.get<std::int64_t>());
  return value.is_string() ? printable(value.get<std::string>().substr(0, kMaxText)) : std::string();
}

std::int64_t count_of(const std::string& text) {
  return std::max<std::int64_t>(0, parse_number<std::int64_t>(text).value_or(0));
}

/// Of a failure's reason (PS3.4, table CC.2.3-1; PS3.7, annex C).
std::string reason_in_words(std::int64_t reason) {
  const auto words = [reason] {
    if (reason == 0x0111) return "it has that instance already";
    if (reason == 0x0122) return "it takes no objects of this kind";
    if (reason == 0x0124) return "the key may not store";
    if (reason >> 8 == 0xA7) return "it is out of resources";
    if (reason >> 8 == 0xA9) return "the object is not as it expects";
    if (reason >> 12 == 0xC) return "it does not understand the object";
    return "it failed";
  };
  return fmt::format("{} (reason {:04X})", words(), reason);
}

}  // namespace

bool is_dicom_uid(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && text.size() <= 64 && digit(text.front()) && digit(text.back()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return digit(c) || c == '.'; });
}

std::vector<ArchiveSeries> parse_archive_series(std::string_view json, const std::string& study_uid) {
  std::vector<ArchiveSeries> found;
  for (const Json& entry : entries_of(json)) {
    ArchiveSeries series{text_of(entry, "0020000D"), text_of(entry, "0020000E"), text_of(entry, "00080060"),
                         text_of(entry, "0008103E"), text_of(entry, "00080020"), 0};
    if (series.study_uid.empty()) series.study_uid = study_uid;
    series.images = count_of(text_of(entry, "00201209"));
    if (is_dicom_uid(series.study_uid) && is_dicom_uid(series.series_uid)) found.push_back(std::move(series));
  }
  return found;
}

std::vector<std::string> parse_archive_uids(std::string_view json, const char* tag) {
  std::vector<std::string> found;
  for (const Json& entry : entries_of(json)) {
    std::string uid = text_of(entry, tag);
    if (is_dicom_uid(uid)) found.push_back(std::move(uid));
  }
  return found;
}

std::string parse_store_failures(std::string_view json) {
  constexpr const char *kFailed = "00081198", *kOtherFailures = "0008119A", *kReason = "00081197";
  for (const Json& entry : entries_of(json, true)) {
    for (const char* sequence : {kFailed, kOtherFailures}) {
      const Json* failures = values_of(entry, sequence);
      if (failures == nullptr) continue;
      const std::int64_t reason = count_of(text_of(failures->front(), kReason));
      return reason > 0 ? reason_in_words(reason) : "it does not say why";
    }
  }
  return {};
}

}  // namespace sagittal::server
