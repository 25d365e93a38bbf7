#include "hub/search_index.h"

#include <algorithm>
#include <numeric>
#include <string>

#include <fmt/format.h>

#include "base/text.h"
#include "hub/plain_text.h"

namespace sagittal::hub {
namespace {

using durable::Statement;

constexpr std::size_t kMostWords = 32;

/// FTS5's own syntax is not for users: each word becomes a quoted prefix, and all are needed.
std::string match_expression(std::string_view text) {
  const auto in_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
  };
  const std::string lower = lower_case(text);
  auto words = words_in(lower, in_word);
  words.resize(std::min(words.size(), kMostWords));
  std::string out;
  for (const std::string_view word : words) out += fmt::format("\"{}\"* ", word);
  return out;
}

std::string joined(const Json& list) {
  std::string out;
  for (const Json& text : list) out += text.get<std::string>() + ' ';
  return out;
}

std::string structure_words(const Json& structures) {
  std::string out;
  for (const Json& s : structures) out += s.at("id").get<std::string>() + ' ' + s.at("name").get<std::string>() + '\n';
  return out;
}

}  // namespace

SearchIndex::SearchIndex(const std::vector<Catalogue::Row>& rows) : database_(":memory:"), count_(rows.size()) {
  database_.run(
      "CREATE VIRTUAL TABLE model USING fts5(name, title, facts, structures, summary, words, "
      "tokenize = \"unicode61 remove_diacritics 2\", prefix = '2 3')");
  durable::Transaction transaction(database_);
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const Json& entry = rows[n].entry;
    Statement(database_,
              "INSERT INTO model(rowid, name, title, facts, structures, summary, words) VALUES(?1,?2,?3,?4,?5,?6,?7)")
        .bind(1, static_cast<std::int64_t>(n))
        .bind(2, entry.at("name").get<std::string>())
        .bind(3, entry.at("title").get<std::string>())
        .bind(4, joined(entry.at("modalities")) + joined(entry.at("body_parts")))
        .bind(5, structure_words(entry.at("structures")))
        .bind(6, entry.at("summary").get<std::string>())
        .bind(7, rows[n].words)
        .finish();
  }
  transaction.commit();
}

std::vector<std::size_t> SearchIndex::search(std::string_view text) {
  std::vector<std::size_t> found;
  const std::string expression = match_expression(text);
  if (expression.empty()) {
    found.resize(count_);
    std::iota(found.begin(), found.end(), 0);
    return found;
  }
  Statement statement(database_,
                      "SELECT rowid FROM model WHERE model MATCH ?1 ORDER BY bm25(model, 10, 8, 4, 4, 2, 1), rowid");
  statement.bind(1, expression);
  while (statement.step()) found.push_back(static_cast<std::size_t>(statement.number(0)));
  return found;
}

}  // namespace sagittal::hub
