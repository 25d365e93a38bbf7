#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "hub/image/image_layer.h"

namespace {

/// A folder that ends with the process; beside the image's root lies a file that must stay as it is.
struct Ground {
  Ground() {
    std::string name = (std::filesystem::temp_directory_path() / "sagittal-layer-XXXXXX").string();
    path = ::mkdtemp(name.data());
    sagittal::write_file_atomically(path / "secret", sagittal::as_bytes("untouched"));
  }
  ~Ground() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sagittal;
  static const Ground ground;
  const auto root = ground.path / "rootfs";
  std::filesystem::create_directory(root);
  write_file_atomically(ground.path / "layer", {data, size});
  try {
    hub::unpack_layer(ground.path / "layer", root, {.max_files = 100, .max_bytes = 1 << 20}, {});
  } catch (const Error&) {
  }
  std::size_t beside = 0;
  for (const auto& entry : std::filesystem::directory_iterator(ground.path)) beside += entry.exists() ? 1 : 0;
  if (beside != 3 || as_text(read_file(ground.path / "secret", 100)) != "untouched") __builtin_trap();
  std::filesystem::remove_all(root);
  return 0;
}
