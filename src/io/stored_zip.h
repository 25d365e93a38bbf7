#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace sagittal::io {

/// A ZIP archive, made file by file without compression; equal files give equal bytes.
class StoredZip {
 public:
  /// Error(too_large) where the archive would pass `max_bytes`, at most 4 GiB, or 65,535 files; Error(bad_input) for a
  /// name of more than 65,535 bytes.
  explicit StoredZip(std::uint64_t max_bytes) : max_bytes_(max_bytes) {}

  void add(const std::string& name, ByteView file);
  /// The archive; no more can be added.
  Bytes finish() &&;

 private:
  std::uint64_t max_bytes_;
  Bytes archive_;
  Bytes directory_;
  std::size_t files_ = 0;
};

}  // namespace sagittal::io
