#include "stream/library.h"

#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "stream/name_characters.h"

namespace sagittal::stream {
namespace {

std::map<std::string, std::filesystem::path> files_in(const std::vector<std::filesystem::path>& folders) {
  std::map<std::string, std::filesystem::path> files;
  for (const auto& folder : folders) {
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
      const std::filesystem::path& path = entry.path();
      const std::string name = path.stem().string();
      if (path.extension() == ".yaml" && name.find_first_not_of(kNameCharacters) == std::string::npos)
        files.emplace(name, path);
    }
  }
  return files;
}

}  // namespace

std::vector<PipelineLibrary::Entry> PipelineLibrary::list() const {
  std::vector<Entry> entries;
  for (const auto& [name, path] : files_in(folders_)) {
    Entry entry{name, name, "", "", {}};
    try {
      const PipelineFile file = read_pipeline(path);
      if (!file.title.empty()) entry.title = file.title;
      entry.description = file.description;
      entry.assets = file.assets;
    } catch (const Error& error) {
      entry.problem = error.what();
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

PipelineFile PipelineLibrary::read(std::string_view name) const {
  const auto files = files_in(folders_);
  const auto found = files.find(std::string(name));
  if (found != files.end()) return read_pipeline(found->second);
  std::vector<std::string> names;
  for (const auto& [known, path] : files) names.push_back(known);
  throw Error(ErrorCode::not_found, fmt::format("there is no pipeline \"{}\"; there are: {}", name.substr(0, 80),
                                                names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
}

}  // namespace sagittal::stream
