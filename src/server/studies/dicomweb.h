#pragma once
#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "net/http_client.h"
#include "server/studies/dicom_json.h"
#include "server/studies/series_cache.h"
#include "server/studies/studies.h"

namespace sagittal::server {

struct DicomWebOptions {
  std::string url;  ///< as `net::checked_base_url` gives it
  net::HttpOptions http = {};
  CancelToken stop = {};                    ///< ends searches: the server goes down
  std::chrono::seconds search_timeout{60};  ///< of a whole search
  std::filesystem::path cache = {};         ///< empty: a temporary folder
  SeriesCache::Limits limits = {};
  std::size_t max_listed = 500;               ///< series
  std::chrono::seconds list_again_after{20};  ///< the list is asked for anew
};

/// The series of a DICOM archive, as source "dicomweb": found with QIDO-RS, fetched with WADO-RS, segmentations stored
/// with STOW-RS. A series that was fetched is read from the cache while the archive says that its images are the same.
class DicomWebStudies : public StudySource {
 public:
  DicomWebStudies(const DicomWebOptions& options, LogSink log);

  StudyList list(const std::string& search) override;
  std::optional<Study> find(const std::string& name) override;
  LoadedStudy load(const Study& study, const io::ReadOptions& options, const CancelToken& cancel) override;
  bool put_segmentation(const Study& study, ByteView dicom_seg, const CancelToken& cancel) override;

 private:
  using Clock = std::chrono::steady_clock;

  net::HttpRequest request(const std::string& path, const std::string& accept, std::uint64_t max_bytes) const;
  static net::HttpAnswer ask(const net::HttpClient& client, const net::HttpRequest& request, const CancelToken& cancel,
                             const net::HttpClient::Sink& sink);
  std::string search(const std::string& path, const CancelToken& cancel) const;
  std::vector<ArchiveSeries> search_series() const;
  std::vector<ArchiveSeries> search_by_study() const;
  void fetch(const Study& study, SeriesCache::Writer& writer, const CancelToken& cancel) const;
  void remember(const std::vector<Study>& studies);

  const DicomWebOptions options_;
  const LogSink log_;
  const net::HttpClient client_;
  const net::HttpClient searcher_;
  SeriesCache cache_;
  std::mutex mutex_;
  std::vector<Study> listed_;           // guarded by mutex_
  bool complete_ = true;                // guarded by mutex_
  Clock::time_point listed_at_{};       // guarded by mutex_
  std::map<std::string, Study> by_id_;  // those that were ever told; guarded by mutex_
};

}  // namespace sagittal::server
