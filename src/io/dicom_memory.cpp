#include "io/dicom_memory.h"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "io/unzip.h"

namespace sagittal::io {
namespace {

DicomInMemory find_in_archive(ByteView file, const std::string& what, const ReadOptions& options) {
  const auto archive = std::make_shared<const ZipArchive>(file, what);
  std::vector<std::filesystem::path> names;
  std::uint64_t room = options.max_bytes;
  for (const auto& [name, entry] : archive->entries()) {
    if (entry.size == 0) continue;
    if (entry.size > room) {
      throw Error(ErrorCode::too_large, fmt::format("{}: unpacks to more than {} bytes", what, options.max_bytes));
    }
    room -= entry.size;
    names.emplace_back(name);
  }
  DicomInMemory found;
  found.open = [archive, what, limit = options.max_bytes](const std::filesystem::path& path) {
    const auto content = std::make_shared<const Buffer>(unzip(*archive, path.string(), limit, what));
    return DicomBytes{content->as<const std::uint8_t>(), content};
  };
  found.series = find_dicom_series(names, options, what, found.open);
  if (found.series.empty()) {
    throw Error(ErrorCode::unsupported, fmt::format("{}: an archive without DICOM images", what));
  }
  return found;
}

}  // namespace

DicomInMemory find_dicom_in(ByteView file, std::string_view what, const ReadOptions& options) {
  if (looks_zipped(file)) return find_in_archive(file, std::string(what), options);
  return {images_of_file(file, what), [file](const std::filesystem::path&) { return DicomBytes{file, nullptr}; }};
}

DicomSource read_dicom_source(ByteView file, std::string_view what, const ReadOptions& options) {
  const DicomInMemory found = find_dicom_in(file, what, options);
  return dicom_source_of(choose_series(found.series, options, what), options, found.open);
}

}  // namespace sagittal::io
