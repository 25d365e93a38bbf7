#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "hub/image/image_store.h"
#include "hub/runners/sandbox.h"

namespace sagittal {

/// Images that were pulled without an engine.
hub::ImageStore image_store(const std::filesystem::path& data_directory);

/// Who runs `image` here: the backend that was asked for, else hub::choose_runner's choice, and where no engine is
/// installed bubblewrap with an image pulled without one. Error(unavailable) with how to mend it.
std::unique_ptr<hub::Runner> runner_for(const std::string& backend, const std::string& image,
                                        const std::filesystem::path& data_directory);

}  // namespace sagittal
