#include "hub/runners/gpu.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/runners/process.h"

namespace sagittal::hub {
namespace {

constexpr std::string_view kVariable = "LD_LIBRARY_PATH=";
constexpr std::size_t kMaxLibraries = 200;
#if defined(__aarch64__)
constexpr std::string_view kProcessor = "AArch64";
#else
constexpr std::string_view kProcessor = "x86-64";
#endif

std::string ask_ldconfig() {
  for (const char* program : {"/sbin/ldconfig", "/usr/sbin/ldconfig"}) {
    if (std::filesystem::exists(program))
      return output_of({{program, "-p"}, std::nullopt}, std::chrono::seconds(5), {});
  }
  return "";
}

bool is_driver(std::string_view name) {
  return name.starts_with("libcuda.so") || name.starts_with("libcudadebugger.so") ||
         (name.starts_with("libnvidia-") && name.find(".so") != std::string_view::npos);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> driver_libraries(std::string_view ldconfig) {
  std::vector<std::pair<std::string, std::string>> found;
  for (std::string_view line : split(ldconfig, '\n')) {  // "\tlibcuda.so.1 (libc6,x86-64) => /usr/lib/…/libcuda.so.1"
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    const std::size_t blank = line.find(" ("), arrow = line.find(" => ");
    if (blank == std::string_view::npos || arrow == std::string_view::npos || arrow < blank) continue;
    const std::string_view name = line.substr(0, blank), file = line.substr(arrow + 4);
    const bool fits = line.substr(blank, arrow - blank).find(kProcessor) != std::string_view::npos;
    if (!fits || !is_driver(name) || name.find('/') != std::string_view::npos || !file.starts_with('/')) continue;
    const bool known = std::any_of(found.begin(), found.end(), [&](const auto& one) { return one.first == name; });
    if (!known && found.size() < kMaxLibraries) found.emplace_back(name, file);
  }
  return found;
}

std::string GpuAccess::variable(const std::vector<std::string>& variables) const {
  if (libraries.empty()) return "";
  std::string_view own;
  for (const std::string& one : variables) {
    if (one.starts_with(kVariable)) own = std::string_view(one).substr(kVariable.size());
  }
  return fmt::format("{}{}{}{}", kVariable, kFolder, own.empty() ? "" : ":", own);
}

GpuAccess gpu_access(const std::vector<int>& gpus, const GpuHost& host) {
  if (gpus.empty()) return {};
  GpuAccess access;
  const auto add = [&](const std::string& name, bool needed) {
    const auto path = host.devices / name;
    std::error_code none;
    if (std::filesystem::exists(path, none)) {
      access.devices.push_back(path.string());
    } else if (needed) {
      throw Error(ErrorCode::unavailable, fmt::format("{} is not here: `nvidia-smi` shows this machine's GPUs and "
                                                      "whether their driver runs",
                                                      path.string()));
    }
  };
  for (const int gpu : gpus) add(fmt::format("nvidia{}", gpu), true);
  add("nvidiactl", true);
  add("nvidia-uvm", true);
  add("nvidia-uvm-tools", false);
  access.libraries = driver_libraries(host.libraries ? host.libraries() : ask_ldconfig());
  const bool has_cuda = std::any_of(access.libraries.begin(), access.libraries.end(),
                                    [](const auto& one) { return one.first.starts_with("libcuda.so"); });
  if (!has_cuda)
    throw Error(ErrorCode::unavailable,
                "NVIDIA's driver is not here: `ldconfig -p` names no libcuda.so for this "
                "processor");
  return access;
}

}  // namespace sagittal::hub
