#pragma once
#include <filesystem>

#include "nn/graph/graph.h"
#include "nn/keras/convert.h"

namespace sagittal {

/// Writes network.json and weights.safetensors of a network that Keras saved as HDF5; makes the folder where there is
/// none. Error(bad_input | unsupported | io).
nn::Graph convert_keras_file(const std::filesystem::path& file, const std::filesystem::path& folder,
                             const nn::KerasOptions& options);

}  // namespace sagittal
