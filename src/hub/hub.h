#pragma once
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/progress.h"
#include "hub/catalogue.h"
#include "hub/model_source.h"
#include "hub/query.h"
#include "hub/search_index.h"

namespace sagittal::hub {

/// The models of the catalogue and those of this machine, as one list. Sees a sync by another process, and models that
/// come and go, at the next call. Any thread.
class Hub {
 public:
  /// `catalogue`: its file, which need not be there yet; empty: none. `places`: folders of local models, as
  /// `find_local_models` takes them.
  Hub(std::filesystem::path catalogue, std::vector<std::filesystem::path> places);

  /// {"models":[entry…],"total","synced"}; entries as in card_json.h. Error(bad_input) for a query that is none.
  Json list(const Query& query);
  /// Error(not_found). An empty source: of the catalogue if it is there, else of this machine.
  Json card(const std::string& name, const std::string& source = {});
  /// The file of a workflow of the catalogue's model. Where the list of models came without it, it is fetched from
  /// MHub's repository, or from `repository`, and kept. Error(not_found) for a model or workflow that is not there,
  /// Error(unavailable) where the server cannot be reached.
  std::string workflow(const std::string& model, const std::string& name, const RunControl& control = {},
                       const std::string& repository = kMHubFiles);
  /// {"models","synced"}: how many, and the time of the last sync or null.
  Json summary();

 private:
  void refresh();
  std::optional<Catalogue::Synced> look_at_catalogue();

  const std::filesystem::path file_;
  const std::vector<std::filesystem::path> places_;
  std::mutex mutex_;
  std::optional<Catalogue> catalogue_;
  std::optional<Catalogue::Synced> synced_;
  std::string fingerprint_;  ///< of all that `rows_` was made from
  std::vector<Catalogue::Row> rows_;
  std::vector<Json> local_cards_;
  std::unique_ptr<SearchIndex> index_;
};

}  // namespace sagittal::hub
