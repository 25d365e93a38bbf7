#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "nn/plans.h"

namespace sagittal::nn {

/// The first line that is not empty of the LICENSE file in `folder`, or in the nearest folder above it up to `top`;
/// else what is known of the release, else "!!MISSING!!". `top`: of the model's own files; `folder` where it holds no
/// other.
std::string licence_of(const std::filesystem::path& folder, const std::filesystem::path& top, const Plans& plans,
                       std::string_view configuration);

}  // namespace sagittal::nn
