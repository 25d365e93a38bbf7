#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/progress.h"
#include "net/http_client.h"

namespace sagittal::net {

struct Download {
  std::string url;
  std::filesystem::path file;
  std::string sha256 = {};  ///< in hexadecimal digits; empty: not known
  std::uint64_t max_bytes = std::uint64_t{16} << 30;
  int attempts = 4;  ///< a broken connection is taken up again this often, as long as bytes came
};

/// Gets a file that may be large. What has come is kept beside it (NAME.part) and continued by the next call, also of
/// another process, where the server says that it is still the same file. Reports "fetching" with the fraction, or 0
/// where the size is not known. The file appears whole, on the disk and with the right checksum, or not at all. Gives
/// its SHA-256. Error(unavailable | not_found) of the server, Error(bad_input) for a wrong checksum, Error(too_large),
/// Error(io) where the disk is full, Error(cancelled). One call per file at a time.
std::string download(const HttpClient& client, const Download& what, const RunControl& control);

}  // namespace sagittal::net
