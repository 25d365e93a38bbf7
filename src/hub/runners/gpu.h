#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sagittal::hub {

/// Where NVIDIA's driver is looked for; others than the machine's own are for tests.
struct GpuHost {
  std::filesystem::path devices = "/dev";
  std::function<std::string()> libraries = {};  ///< what `ldconfig -p` says; empty: that program's words
};

/// What a program in a sandbox is given of this machine to use GPUs: device files, and the driver's libraries, which
/// belong to the kernel's driver and so are in no image. It sees them in a folder of their own, named by
/// LD_LIBRARY_PATH.
struct GpuAccess {
  static constexpr std::string_view kFolder = "/dev/nvidia-driver";  ///< "/dev" is made anew in each sandbox

  std::vector<std::string> devices = {};                            ///< paths, the same inside
  std::vector<std::pair<std::string, std::string>> libraries = {};  ///< name in `kFolder`, file of the host

  /// "LD_LIBRARY_PATH=…" with `kFolder` in front of what the last of `variables` ("NAME=value") says of it; empty
  /// without libraries.
  std::string variable(const std::vector<std::string>& variables) const;
};

/// For GPUs numbered as nvidia-smi does; nothing for none. Error(unavailable) where a device or the driver is not here.
GpuAccess gpu_access(const std::vector<int>& gpus, const GpuHost& host = {});

/// NVIDIA's libraries for this processor among the lines of `ldconfig -p`, each name once. Any text.
std::vector<std::pair<std::string, std::string>> driver_libraries(std::string_view ldconfig);

}  // namespace sagittal::hub
