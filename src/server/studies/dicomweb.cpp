#include "server/studies/dicomweb.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "io/dicom_series.h"
#include "net/multipart_related.h"

namespace sagittal::server {
namespace {

constexpr const char* kSource = "dicomweb";
constexpr const char* kJson = "application/dicom+json";
constexpr const char* kSeriesFields = "includefield=0008103E&includefield=00201209&includefield=00080020";
constexpr std::uint64_t kMaxJson = std::uint64_t{16} << 20;
constexpr std::size_t kMaxStudiesAsked = 50;
constexpr std::size_t kMaxRemembered = 20'000;
constexpr std::uint64_t kMaxInstance = std::uint64_t{1} << 30;       // held in memory while it comes
constexpr const char* kBoundary = "sagittal-5f2b8c07d94e13a6-part";  // no DICOM SEG of ours holds this line

/// Objects of these kinds are no scans.
bool may_be_scan(const std::string& modality) {
  constexpr std::array<std::string_view, 11> others{"SEG",    "SR",  "PR",  "KO", "DOC", "RTSTRUCT",
                                                    "RTPLAN", "REG", "ECG", "AU", "PLAN"};
  return std::find(others.begin(), others.end(), modality) == others.end();
}

Study study_of(const ArchiveSeries& series) {
  Study study;
  study.id = study_id(kSource, series.series_uid);
  study.source = kSource;
  study.modality = series.modality;
  study.series_uid = series.series_uid;
  study.study_uid = series.study_uid;
  study.images = series.images;
  study.name = series.description.empty() ? series.series_uid : series.description;
  if (!series.study_date.empty()) study.name += fmt::format(" ({})", series.study_date);
  study.detail = series.images > 0 ? fmt::format("archive, {} images", series.images) : "archive";
  return study;
}

/// What an answer that is no success means to whoever asked.
[[noreturn]] void refuse(const net::HttpAnswer& answer, const char* what) {
  const bool key = answer.status == 401 || answer.status == 403;
  const ErrorCode code = answer.status == 404 ? ErrorCode::not_found : ErrorCode::unavailable;
  throw Error(code, fmt::format("the archive answers {} to {}{}", answer.status, what,
                                key ? "; look at --dicomweb-key-file" : ""));
}

/// Empty where the answer tells of no failure. One in another form than was asked for is searched for the tags of the
/// failed instances.
std::string why_not_stored(const net::HttpAnswer& answer) {
  if (answer.status != 200 && answer.status != 202 && answer.status != 409) return {};
  const std::string_view text = as_text(answer.body);
  if (answer.content_type.find("json") != std::string::npos) return parse_store_failures(text);
  const bool failed =
      text.find("00081198") != std::string_view::npos || text.find("0008119A") != std::string_view::npos;
  return failed ? "its answer lists failed instances" : "";
}

net::HttpOptions with_timeout(net::HttpOptions options, std::chrono::seconds timeout) {
  options.timeout = timeout;
  return options;
}

}  // namespace

DicomWebStudies::DicomWebStudies(const DicomWebOptions& options, LogSink log)
    : options_(options),
      log_(std::move(log)),
      client_(options.http),
      searcher_(with_timeout(options.http, options.search_timeout)),
      cache_(options.cache, options.limits) {}

net::HttpRequest DicomWebStudies::request(const std::string& path, const std::string& accept,
                                          std::uint64_t max_bytes) const {
  net::HttpRequest request;
  request.url = options_.url + path;
  request.headers = {{"Accept", accept}};
  request.max_answer_bytes = max_bytes;
  return request;
}

net::HttpAnswer DicomWebStudies::ask(const net::HttpClient& client, const net::HttpRequest& request,
                                     const CancelToken& cancel, const net::HttpClient::Sink& sink) {
  try {
    return client.send(request, cancel, sink);
  } catch (Error& error) {
    throw error.within("the archive");
  }
}

/// The text of a search's answer. Error(unsupported) where the archive knows no such search.
std::string DicomWebStudies::search(const std::string& path, const CancelToken& cancel) const {
  const net::HttpAnswer answer = ask(searcher_, request(path, kJson, kMaxJson), cancel, {});
  if (answer.status == 204) return {};
  const bool unknown = answer.status == 400 || answer.status == 404 || answer.status == 405 || answer.status == 501;
  if (unknown) throw Error(ErrorCode::unsupported, fmt::format("the archive answers {} to a search", answer.status));
  if (answer.status < 200 || answer.status >= 300) refuse(answer, "a search");
  return std::string(as_text(answer.body));
}

std::vector<ArchiveSeries> DicomWebStudies::search_series() const {
  try {
    return parse_archive_series(
        search(fmt::format("/series?limit={}&{}", options_.max_listed, kSeriesFields), options_.stop), {});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
    return search_by_study();
  }
}

/// For archives that search series only within a study.
std::vector<ArchiveSeries> DicomWebStudies::search_by_study() const {
  std::vector<ArchiveSeries> found;
  for (const std::string& study :
       parse_archive_uids(search(fmt::format("/studies?limit={}", kMaxStudiesAsked), options_.stop), "0020000D")) {
    if (found.size() >= options_.max_listed) break;
    const std::string answer = search(fmt::format("/studies/{}/series?{}", study, kSeriesFields), options_.stop);
    for (ArchiveSeries& series : parse_archive_series(answer, study)) found.push_back(std::move(series));
  }
  return found;
}

void DicomWebStudies::remember(const std::vector<Study>& studies) {
  if (by_id_.size() + studies.size() > kMaxRemembered) by_id_.clear();
  for (const Study& study : studies) by_id_[study.id] = study;
}

StudyList DicomWebStudies::list(const std::string& search) {
  const std::lock_guard lock(mutex_);  // one search at a time
  if (listed_at_ == Clock::time_point() || Clock::now() - listed_at_ > options_.list_again_after) {
    const std::vector<ArchiveSeries> found = search_series();
    complete_ = found.size() < options_.max_listed;
    listed_.clear();
    for (const ArchiveSeries& series : found) {
      if (may_be_scan(series.modality)) listed_.push_back(study_of(series));
    }
    remember(listed_);
    listed_at_ = Clock::now();
  }
  StudyList some{{}, complete_};
  for (const Study& study : listed_) {
    if (matches(study, search)) some.studies.push_back(study);
  }
  return some;
}

std::optional<Study> DicomWebStudies::find(const std::string& name) {
  const bool is_uid = is_dicom_uid(name) && name.find('.') != std::string::npos;
  const std::string id = is_uid ? study_id(kSource, name) : name;
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = by_id_.find(id); known != by_id_.end()) return known->second;
  }
  if (!is_uid) return std::nullopt;
  std::vector<Study> found;
  try {
    const std::string answer =
        search(fmt::format("/series?SeriesInstanceUID={}&{}", name, kSeriesFields), options_.stop);
    for (const ArchiveSeries& series : parse_archive_series(answer, {})) {
      if (series.series_uid == name) found.push_back(study_of(series));
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
    for (const Study& study : list({}).studies) {
      if (study.series_uid == name) found.push_back(study);
    }
  }
  if (found.empty()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  remember(found);
  return found.front();
}

void DicomWebStudies::fetch(const Study& study, SeriesCache::Writer& writer, const CancelToken& cancel) const {
  std::optional<net::MultipartReader> parts;
  const auto sink = [&](const net::HttpAnswer& head, ByteView block) {
    if (!parts) {
      parts.emplace(head.content_type, net::MultipartLimits{.max_part_bytes = kMaxInstance},
                    [&](const Bytes& image) { writer.put(image); });
    }
    parts->feed(block);
  };
  const net::HttpAnswer answer = ask(client_,
                                     request(fmt::format("/studies/{}/series/{}", study.study_uid, study.series_uid),
                                             "multipart/related; type=\"application/dicom\"; transfer-syntax=*",
                                             options_.limits.max_series_bytes + options_.limits.max_series_bytes / 8),
                                     cancel, sink);
  if (answer.status < 200 || answer.status >= 300) refuse(answer, "a fetch of a series");
  if (!parts) throw Error(ErrorCode::not_found, "the archive sent no image of the series");
  parts->finish();
}

LoadedStudy DicomWebStudies::load(const Study& study, const io::ReadOptions& options, const CancelToken& cancel) {
  const std::string instances =
      search(fmt::format("/studies/{}/series/{}/instances", study.study_uid, study.series_uid), cancel);
  const auto files = cache_.get(study.series_uid, parse_archive_uids(instances, "00080018"),
                                [&](SeriesCache::Writer& writer) { fetch(study, writer, cancel); });
  io::ReadOptions chosen = options;
  const auto series = io::find_dicom_series(files, chosen, study.name);
  if (series.empty()) throw Error(ErrorCode::unsupported, fmt::format("{} holds no images", study.name));
  const io::DicomImages& images = series.front();  // the largest stack
  if (io::describe_dicom(images, chosen).frames > 1) chosen.frame = 0;
  LoadedStudy loaded{study, io::read_dicom(images, chosen), io::dicom_source_of(images, chosen), images.files};
  loaded.study.shape = loaded.image.geometry().size;
  return loaded;
}

bool DicomWebStudies::put_segmentation(const Study& study, ByteView dicom_seg, const CancelToken& cancel) {
  const std::string head = fmt::format("--{}\r\nContent-Type: application/dicom\r\n\r\n", kBoundary);
  const std::string tail = fmt::format("\r\n--{}--\r\n", kBoundary);
  Bytes body(head.begin(), head.end());
  body.insert(body.end(), dicom_seg.begin(), dicom_seg.end());
  body.insert(body.end(), tail.begin(), tail.end());
  net::HttpRequest post = request(fmt::format("/studies/{}", study.study_uid), kJson, kMaxJson);
  post.method = "POST";
  post.headers.emplace_back("Content-Type",
                            fmt::format("multipart/related; type=\"application/dicom\"; boundary={}", kBoundary));
  post.body = body;
  const net::HttpAnswer answer = ask(client_, post, cancel, {});
  if (const std::string why = why_not_stored(answer); !why.empty()) {
    throw Error(ErrorCode::unavailable, fmt::format("the archive did not store the segmentation: {}", why));
  }
  if (answer.status != 200 && answer.status != 202) refuse(answer, "a segmentation to store");
  if (log_) log_(LogLevel::info, "a segmentation was stored in the archive");
  return true;
}

}  // namespace sagittal::server
