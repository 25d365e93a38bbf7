#pragma once
#include <filesystem>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"

namespace sagittal::io {

/// What is copied of a file rather than mapped: a process ends that has a file mapped which somebody else shortens.
constexpr std::size_t kMostCopied = std::size_t{1} << 30;

/// The first `max_bytes` of a file, or all of it. Throws Error(not_found | io).
Bytes read_file_start(const std::filesystem::path& path, std::size_t max_bytes);

/// `parse(bytes, whole)` of as much of a file's beginning as it needs: where it throws an Error, more is read and it is
/// asked again, up to 128 MiB. For the headers of large files.
template <class Parse>
auto parse_file_start(const std::filesystem::path& path, Parse&& parse) {
  constexpr std::size_t kFirst = std::size_t{1} << 16, kMost = std::size_t{1} << 27;
  for (std::size_t size = kFirst;; size *= 8) {
    const Bytes start = read_file_start(path, size);
    const bool whole = start.size() < size;
    if (whole || size >= kMost) return parse(start, whole);
    try {
      return parse(start, whole);
    } catch (const Error&) {  // it may end in the midst of a header
    }
  }
}

}  // namespace sagittal::io
