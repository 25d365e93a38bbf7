#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "hub/card.h"
#include "store/database.h"

namespace sagittal::hub {

/// The models of a repository, kept in one SQLite file. Several processes may use it at once; one thread at a time.
class Catalogue {
 public:
  struct Synced {
    std::string time;  ///< 2026-01-31T12:00:00Z
    std::string from;
    std::int64_t models = 0;
    std::string generation;  ///< another one after each sync
  };
  /// One model as a list and a search see it.
  struct Row {
    Json entry;
    std::string words;  ///< more to search in: the card's long texts
  };

  /// Opens the file or makes it. What another version of this program wrote, or what is damaged, is dropped: it is a
  /// copy that the next sync brings back. Error(io).
  explicit Catalogue(const std::filesystem::path& file);

  /// Nothing before the first sync.
  std::optional<Synced> synced();
  std::vector<Row> rows();
  /// As `card_json` made it.
  std::optional<Json> card(const std::string& name);

  /// The file of one of its workflows, as its author wrote it. Nothing where the list of models came without.
  std::optional<std::string> workflow(const std::string& model, const std::string& name);
  /// Keeps a workflow's file that was got later; until the next sync.
  void add_workflow(const std::string& model, const std::string& name, const std::string& text);

  /// Puts `cards` in the place of all that was there, all or nothing.
  void replace(const std::vector<ModelCard>& cards, const std::string& from);

 private:
  std::optional<durable::Database> database_;
};

/// The card's texts that its entry lacks.
std::string search_words(const ModelCard& card);

/// The time now in UTC, as above.
std::string utc_now();

}  // namespace sagittal::hub
