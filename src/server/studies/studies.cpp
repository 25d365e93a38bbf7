#include "server/studies/studies.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace sagittal::server {
namespace {

bool holds(std::string_view text, std::string_view part) {
  return lower_case(text).find(lower_case(part)) != std::string::npos;
}

}  // namespace

bool StudySource::put_segmentation(const Study&, ByteView, const CancelToken&) { return false; }

StudyList Studies::list(const std::string& search) const {
  StudyList all;
  for (const auto& source : sources_) {
    try {
      StudyList some = source->list(search);
      all.complete = all.complete && some.complete;
      std::move(some.studies.begin(), some.studies.end(), std::back_inserter(all.studies));
    } catch (const Error& error) {
      all.complete = false;
      all.problems.push_back(error.what());
    }
  }
  return all;
}

std::optional<Study> Studies::find(const std::string& name) const {
  for (const auto& source : sources_) {
    if (auto study = source->find(name)) return study;
  }
  return std::nullopt;
}

LoadedStudy Studies::load(const std::string& name, const io::ReadOptions& options, const CancelToken& cancel) const {
  for (const auto& source : sources_) {
    if (const auto study = source->find(name)) return source->load(*study, options, cancel);
  }
  throw Error(ErrorCode::not_found, fmt::format("this server offers no scan {}", printable(name.substr(0, 200))));
}

bool Studies::put_segmentation(const std::string& name, ByteView dicom_seg, const CancelToken& cancel) const {
  for (const auto& source : sources_) {
    if (const auto study = source->find(name)) return source->put_segmentation(*study, dicom_seg, cancel);
  }
  return false;
}

std::string study_id(std::string_view source, std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  const auto add = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  };
  add(source);
  add(std::string_view("\0", 1));
  add(name);
  return fmt::format("{:016x}", hash);
}

bool matches(const Study& study, std::string_view search) {
  if (search.empty()) return true;
  for (const std::string* text : {&study.name, &study.detail, &study.modality, &study.series_uid, &study.study_uid}) {
    if (holds(*text, search)) return true;
  }
  return study.id == search;
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const unsigned char first = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      out += '?';
    } else if (first < 0x20 || first == 0x7F) {
      out += ' ';
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace sagittal::server
