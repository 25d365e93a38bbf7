#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "nn/plans.h"

namespace sagittal::nn {

/// The first line of the model folder's LICENSE file that is not empty, else what is known of the release, else
/// "!!MISSING!!".
std::string licence_of(const std::filesystem::path& folder, const Plans& plans, std::string_view configuration);

}  // namespace sagittal::nn
