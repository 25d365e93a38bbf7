#include "nn/licence.h"

#include <vector>

#include "base/bytes.h"

namespace sagittal::nn {
namespace {

constexpr std::size_t kMaxLicenceBytes = std::size_t{1} << 20;
constexpr std::size_t kDeepest = 8;  // folders between a model's top and its plans, and more

std::string first_line_of_licence(const std::filesystem::path& folder) {
  const auto path = folder / "LICENSE";
  if (!std::filesystem::is_regular_file(path)) return {};
  const Bytes bytes = read_file(path, kMaxLicenceBytes);
  std::string_view rest = as_text(bytes);
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) continue;
    return std::string(line.substr(first, line.find_last_not_of(" \t\r") - first + 1));
  }
  return {};
}

/// `folder` and those around it up to `top`, which must hold it.
std::vector<std::filesystem::path> up_to(const std::filesystem::path& folder, const std::filesystem::path& top) {
  const auto plain = [](const std::filesystem::path& path) {
    const auto normal = path.lexically_normal();
    return normal.has_filename() ? normal : normal.parent_path();
  };
  const auto last = plain(top);
  std::vector<std::filesystem::path> out;
  for (auto at = plain(folder); out.size() < kDeepest; at = at.parent_path()) {
    out.push_back(at);
    if (at == last) return out;
    if (!at.has_relative_path()) break;
  }
  return {folder};
}

}  // namespace

std::string licence_of(const std::filesystem::path& folder, const std::filesystem::path& top, const Plans& plans,
                       std::string_view configuration) {
  for (const auto& place : up_to(folder, top)) {
    if (auto line = first_line_of_licence(place); !line.empty()) return line;
  }
  // The first release ships without the file; its model card names the licence.
  const bool first_release =
      plans.dataset_name == "Dataset225_nnInteractiveV2" && configuration == "3d_fullres_ps192_bs24";
  return first_release ? "CC BY-NC-SA 4.0" : "!!MISSING!!";
}

}  // namespace sagittal::nn
