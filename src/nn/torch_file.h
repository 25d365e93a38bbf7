#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "nn/tensor.h"

namespace sagittal::nn {

/// What nnU-Net's trainer saves with torch.save, as far as inference needs it.
struct TorchFile {
  StateDict weights;  ///< `network_weights`, in version 1 `state_dict`; leading "module." and "_orig_mod." stripped
  std::string trainer_name;
  std::string configuration;                       ///< init_args.configuration
  std::optional<std::vector<int>> mirroring_axes;  ///< inference_allowed_mirroring_axes
  std::set<std::string> foreign_names;             ///< "os.system": named by the pickle, not understood, ignored
};

/// Reads a file that torch.save wrote, an archive (torch >= 1.6) or a row of pickles (before), without executing
/// anything in it. Tensors are views of the mapped file where they are contiguous. Throws Error(bad_input) for
/// malformed files, Error(unsupported) for compressed or big-endian ones.
TorchFile read_torch_file(const std::filesystem::path& path);

/// The same from memory that `owner` keeps alive; null: the caller does.
TorchFile read_torch_bytes(ByteView bytes, std::shared_ptr<const void> owner, std::string_view what);

}  // namespace sagittal::nn
