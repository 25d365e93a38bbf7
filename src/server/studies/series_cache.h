#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace sagittal::server {

/// DICOM series that were fetched, as folders of files named by the images' UIDs. Any thread. The longest unused ones
/// make room.
class SeriesCache {
 public:
  struct Limits {
    std::uint64_t max_series_bytes = std::uint64_t{8} << 30;
    std::uint64_t max_bytes = std::uint64_t{40} << 30;  ///< of all series
  };
  /// Empty: a temporary folder that goes with this object. What an interrupted fetch left in `folder` is removed.
  SeriesCache(std::filesystem::path folder, const Limits& limits);
  ~SeriesCache();

  /// Where the images of a series are put. Error(bad_input) for an image of another series, or what is no image;
  /// Error(too_large) beyond the limit; Error(io) for a full disk.
  class Writer {
   public:
    Writer(std::filesystem::path folder, std::string series_uid, std::uint64_t max_bytes);
    void put(const Bytes& image);
    std::size_t count() const { return count_; }

   private:
    const std::filesystem::path folder_;
    const std::string series_uid_;
    const std::uint64_t max_bytes_;
    std::uint64_t bytes_ = 0;
    std::size_t count_ = 0;
  };

  /// The files of a series. Those that are there are taken where they are exactly the images of `expected`; else
  /// `fetch` puts them anew, and nothing is left where it throws. One fetch of a series at a time.
  std::vector<std::filesystem::path> get(const std::string& series_uid, std::vector<std::string> expected,
                                         const std::function<void(Writer&)>& fetch);

 private:
  void make_room(const std::string& except);

  const bool temporary_;
  const std::filesystem::path folder_;
  const Limits limits_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<std::mutex>> fetching_;  // guarded by mutex_
};

}  // namespace sagittal::server
