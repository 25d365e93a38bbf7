#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sagittal::server {

/// A series that an archive told of (DICOM JSON, PS3.18 annex F).
struct ArchiveSeries {
  std::string study_uid;
  std::string series_uid;
  std::string modality;
  std::string description;  ///< UTF-8
  std::string study_date;   ///< YYYYMMDD
  std::int64_t images = 0;  ///< 0: not told
};

/// True for 1 to 64 digits and dots that begin and end with a digit.
bool is_dicom_uid(std::string_view text);

/// The answer to a search for series; entries without usable UIDs are passed over. `study_uid` stands where an entry
/// has none. Error(bad_input) for what is no DICOM JSON, Error(too_large) beyond 20,000 entries.
std::vector<ArchiveSeries> parse_archive_series(std::string_view json, const std::string& study_uid);

/// The UIDs of that kind in a search's answer, in its order: of studies "0020000D", of instances "00080018".
std::vector<std::string> parse_archive_uids(std::string_view json, const char* tag);

/// Why instances were not stored, in words, as the answer to a request to store tells (PS3.18, 10.5.3); empty where it
/// tells of none. Error(bad_input) for what is no DICOM JSON.
std::string parse_store_failures(std::string_view json);

}  // namespace sagittal::server
