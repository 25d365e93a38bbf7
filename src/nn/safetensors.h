#pragma once
#include <filesystem>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "nn/tensor.h"

namespace sagittal::nn {

/// Tensors of a .safetensors file as views of its bytes, which `owner` keeps alive (null: the caller does). Throws
/// Error(bad_input) naming `what` for forged or truncated files, Error(unsupported) for other types than those of
/// DType, Error(too_large) for a header beyond 16 MiB.
StateDict read_safetensors_bytes(ByteView file, std::shared_ptr<const void> owner, std::string_view what);

/// The same of a file, which is mapped.
StateDict read_safetensors(const std::filesystem::path& path);

/// The bytes of such a file, tensors in the order of their names.
Bytes write_safetensors(const StateDict& tensors);

}  // namespace sagittal::nn
