#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"
#include "base/thread_pool.h"
#include "hub/card.h"
#include "segment/composition.h"

namespace sagittal::hub {

/// The task that a name like "totalsegmentator_total_fast" stands for; null where it stands for none.
const segment::Composition* composed_task(std::string_view name);
/// That name.
std::string name_of_task(const segment::Composition& task);

/// The folder of a model by its name; throws Error(not_found).
using FindModel = std::function<std::filesystem::path(const std::string&)>;

struct ComposeOptions {
  FindModel find_model;
  segment::LoadOptions load;                               ///< threads, precision and devices
  segment::CompositionOptions asked = {};                  ///< organs and small parts
  std::function<void(const segment::Model&)> loaded = {};  ///< called for each model that is used
  RunControl control{};
};

/// Throws Error(not_found) that says what to fetch, unless the folders of all models are there that a task, and those
/// that help it, need; Error(wrong_usage) for organs that it has not.
void check_parts(const segment::Composition& task, const ComposeOptions& options);

/// Runs a task, after the tasks that it is cropped and refined by.
segment::Composed run_composed(const segment::Composition& task, const Volume& image, const ComposeOptions& options,
                               ThreadPool& pool);

/// The card of a task whose models `find_model` finds; nothing where one is missing. What tasks that help it lack is a
/// warning.
std::optional<ModelCard> composed_card(const segment::Composition& task, const FindModel& find_model);

/// Of all tasks whose models are among those folders, sorted by name.
std::vector<ModelCard> composed_cards(const std::vector<std::filesystem::path>& models);

}  // namespace sagittal::hub
