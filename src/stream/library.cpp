#include "stream/library.h"

#include <map>

#include <fmt/format.h>

#include "stream/names.h"

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
    Entry entry{name, name, "", {}};
    try {
      entry.file = read_pipeline(path);
      if (!entry.file.title.empty()) entry.title = entry.file.title;
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
  throw Error(ErrorCode::not_found,
              fmt::format("there is no pipeline \"{}\"{}", name.substr(0, 80), there_are(std::move(names), name)));
}

Json describe(const PipelineLibrary::Entry& entry, const OperatorRegistry& registry,
              const std::filesystem::path& assets) {
  std::string problem = entry.problem;
  Json stand_ins = Json::array(), parts{{"operators", Json::array()}, {"flows", Json::array()}};
  if (problem.empty()) {
    PipelineFile file = entry.file;
    try {
      for (const StoodIn& one : settle_assets(file, assets)) stand_ins.push_back(describe(one));
    } catch (const Error& error) {  // its operators are told nevertheless
      problem = error.what();
    }
    try {
      parts = describe(build(file, registry), registry);
    } catch (const Error& error) {
      problem = error.what();
    }
  }
  return {{"name", entry.name},
          {"title", entry.title},
          {"description", entry.file.description},
          {"problem", problem.empty() ? Json() : Json(problem)},
          {"stand_ins", std::move(stand_ins)},
          {"operators", std::move(parts["operators"])},
          {"flows", std::move(parts["flows"])}};
}

}  // namespace sagittal::stream
