#pragma once
#include <filesystem>
#include <functional>
#include <string_view>

#include "base/progress.h"
#include "base/thread_pool.h"
#include "segment/composition.h"

namespace sagittal::commands {

/// The task that a name like "totalsegmentator_total_fast" stands for; null where it stands for none.
const segment::Composition* composed_task(std::string_view name);

struct ComposeOptions {
  std::filesystem::path data_directory;
  segment::LoadOptions load;                               ///< threads and precision
  std::function<void(const segment::Model&)> loaded = {};  ///< called for each model that is used
  RunControl control{};
};

/// Throws Error(not_found) that says what to fetch, unless the folders of all models of a task, and of the task that it
/// is cropped by, are there.
void check_parts(const segment::Composition& task, const ComposeOptions& options);

/// Runs a task, after the task that it is cropped by.
segment::Composed run_composed(const segment::Composition& task, const Volume& image, const ComposeOptions& options,
                               ThreadPool& pool);

}  // namespace sagittal::commands
