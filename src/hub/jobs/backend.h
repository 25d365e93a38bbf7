#pragma once
#include <memory>
#include <string>

#include "hub/runners/sandbox.h"

namespace sagittal::hub {

/// Who runs an image here: `requested`, or where that is empty the first of Docker, Podman, Apptainer that answers, and
/// bubblewrap for an `image` that is the folder of an unpacked one. Error(unavailable) with one sentence that says how
/// to mend it: nothing that does not isolate ever takes their place. Error(wrong_usage) for a backend that cannot run
/// this image.
std::unique_ptr<Runner> choose_runner(const std::string& requested, const std::string& image);

}  // namespace sagittal::hub
