#include "scan_sources.h"

#include <filesystem>
#include <utility>

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

}  // namespace

std::vector<std::unique_ptr<server::StudySource>> scan_sources(const ServeOptions& options, const LogSink& log) {
  std::vector<std::unique_ptr<server::StudySource>> sources;
  if (!options.studies.empty()) {
    sources.push_back(std::make_unique<server::FolderStudies>(options.studies, server::FolderLimits{}, log));
  }
  if (sources.empty()) {
    auto found = std::make_unique<server::ExampleStudies>(examples());
    if (found->any()) sources.push_back(std::move(found));
  }
  return sources;
}

}  // namespace sagittal
