#include "scan_sources.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "data_folder.h"
#include "server/studies/dicomweb.h"
#include "server/studies/folder_studies.h"

namespace sagittal {
namespace {

/// The head CT is what `make demo` and `make serve` unpack from Debian's invesalius-examples into the build folder.
std::vector<server::ExampleStudies::Example> examples() {
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  return {{program / "../../demo/case/head_ct.mhd", "Head CT (invesalius-examples)", "CT"},
          {"/usr/share/mricron/templates/ch2.nii.gz", "Head MR, T1 (mricron-data)", "MR"}};
}

net::HttpKey archive_key(const ServeOptions& options) {
  if (options.dicomweb_key_file.empty()) {
    const char* key = std::getenv("SAGITTAL_DICOMWEB_KEY");
    return key == nullptr ? net::HttpKey{} : net::parse_http_key(key);
  }
  const std::filesystem::path path = options.dicomweb_key_file;
  std::error_code unknown;
  constexpr auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
  if ((std::filesystem::status(path, unknown).permissions() & others) != std::filesystem::perms::none) {
    throw Error(ErrorCode::wrong_usage,
                fmt::format("{}: others may read this key; run chmod 600 {}", path.string(), path.string()));
  }
  constexpr std::size_t longest = 16 << 10;
  return net::parse_http_key(as_text(read_file(path, longest)));
}

std::unique_ptr<server::StudySource> archive(const ServeOptions& options, const CancelToken& stop, const LogSink& log) {
  server::DicomWebOptions chosen;
  chosen.stop = stop;
  chosen.http.ca_file = options.dicomweb_ca;
  try {
    chosen.url = net::checked_base_url(options.dicomweb);
    chosen.http.key = archive_key(options);
  } catch (Error& error) {
    throw error.within("--dicomweb");
  }
  const bool readable = options.dicomweb.starts_with("http://") && !chosen.http.key.secret.empty();
  if (readable && log) log(LogLevel::warning, "--dicomweb: the key crosses the network readable; use https");
  if (options.model.data_directory != kNoFolder) {
    chosen.cache = std::filesystem::path(options.model.data_directory) / "archive";
  }
  return std::make_unique<server::DicomWebStudies>(chosen, log);
}

}  // namespace

std::vector<std::unique_ptr<server::StudySource>> scan_sources(const ServeOptions& options, const CancelToken& stop,
                                                               const LogSink& log) {
  std::vector<std::unique_ptr<server::StudySource>> sources;
  if (!options.studies.empty()) {
    sources.push_back(std::make_unique<server::FolderStudies>(options.studies, server::FolderLimits{}, log));
  }
  if (!options.dicomweb.empty()) sources.push_back(archive(options, stop, log));
  if (sources.empty()) {
    auto found = std::make_unique<server::ExampleStudies>(examples());
    if (found->any()) sources.push_back(std::move(found));
  }
  return sources;
}

}  // namespace sagittal
