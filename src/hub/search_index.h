#pragma once
#include <cstddef>
#include <string_view>
#include <vector>

#include "hub/catalogue.h"
#include "store/database.h"

namespace sagittal::hub {

/// A full-text index of models in memory (SQLite's FTS5). One thread at a time.
class SearchIndex {
 public:
  explicit SearchIndex(const std::vector<Catalogue::Row>& rows);

  /// The rows with every word of `text` as the beginning of a word of theirs, best first: a word of the name or title
  /// weighs more than one of a structure, and that more than one of the long texts. All rows in their order where the
  /// text has no words.
  std::vector<std::size_t> search(std::string_view text);

 private:
  durable::Database database_;
  std::size_t count_;
};

}  // namespace sagittal::hub
