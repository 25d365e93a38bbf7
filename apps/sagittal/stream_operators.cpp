#include "stream_operators.h"

#include "stream/operators/operators.h"

namespace sagittal {

stream::OperatorRegistry stream_operators(const std::vector<std::string>& plugins) {
  stream::OperatorRegistry registry;
  stream::add_standard_operators(registry);
  for (const std::string& plugin : plugins) stream::load_plugin(plugin, registry);
  return registry;
}

std::vector<std::filesystem::path> pipeline_directories(const std::filesystem::path& data_directory,
                                                        const std::vector<std::string>& extra) {
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  std::vector<std::filesystem::path> all(extra.begin(), extra.end());
  all.insert(all.end(), {data_directory / "pipelines", program.parent_path() / "share/sagittal/pipelines",
                         program / "../../../examples/pipelines"});
  return all;
}

}  // namespace sagittal
