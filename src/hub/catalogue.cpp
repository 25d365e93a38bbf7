#include "hub/catalogue.h"

#include <array>
#include <ctime>

#include "base/error.h"
#include "base/random.h"
#include "hub/card_json.h"

namespace sagittal::hub {
namespace {

using durable::Statement;
using durable::Transaction;

constexpr std::int64_t kVersion = 2;
constexpr std::size_t kMaxWords = 20'000;

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

void prepare(durable::Database& database) {
  const auto version = [&] {
    Statement statement(database, "PRAGMA user_version");
    return statement.step() ? statement.number(0) : 0;
  }();
  if (version == kVersion) return;
  Transaction transaction(database);
  database.run("DROP TABLE IF EXISTS model");
  database.run("DROP TABLE IF EXISTS sync");
  database.run("DROP TABLE IF EXISTS workflow");
  database.run(
      "CREATE TABLE model(name TEXT PRIMARY KEY, entry TEXT NOT NULL, words TEXT NOT NULL, card TEXT NOT NULL)");
  database.run("CREATE TABLE sync(time TEXT NOT NULL, source TEXT NOT NULL, generation TEXT NOT NULL)");
  database.run(
      "CREATE TABLE workflow(model TEXT NOT NULL, name TEXT NOT NULL, text BLOB NOT NULL, PRIMARY KEY(model, name))");
  database.run("PRAGMA user_version = 2");
  transaction.commit();
}

/// SQLite keeps a log and an index beside its file.
void remove_database(const std::filesystem::path& file) {
  std::error_code ignored;
  for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(file.string() + ending, ignored);
}

}  // namespace

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), length};
}

std::string search_words(const ModelCard& card) {
  std::string words;
  const auto add = [&](const std::string& text) {
    if (words.size() + text.size() < kMaxWords) words += text + '\n';
  };
  for (const std::string& author : card.authors) add(author);
  for (const std::string& text : {card.team, card.type, card.architecture, card.citation}) add(text);
  for (const CardInput& input : card.inputs) add(input.label + ' ' + input.description);
  for (const CardOutput& output : card.outputs) {
    add(output.label + ' ' + output.description);
    for (const Structure& s : output.structures) {
      if (s.codes) add(s.codes->type.value + ' ' + s.codes->type.meaning);
    }
  }
  for (const Section& section : card.sections) add(section.text);
  return words;
}

Catalogue::Catalogue(const std::filesystem::path& file) {
  try {
    database_.emplace(file);
    prepare(*database_);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::bad_input) throw;
    database_.reset();
    remove_database(file);
    database_.emplace(file);
    prepare(*database_);
  }
}

std::optional<Catalogue::Synced> Catalogue::synced() {
  Statement statement(*database_, "SELECT time, source, generation, (SELECT count(*) FROM model) FROM sync");
  if (!statement.step()) return std::nullopt;
  return Synced{.time = statement.text(0),
                .from = statement.text(1),
                .models = statement.number(3),
                .generation = statement.text(2)};
}

std::vector<Catalogue::Row> Catalogue::rows() {
  std::vector<Row> rows;
  Statement statement(*database_, "SELECT entry, words FROM model ORDER BY name");
  while (statement.step()) rows.push_back({parse_json(statement.text(0), "the catalogue"), statement.text(1)});
  return rows;
}

std::optional<Json> Catalogue::card(const std::string& name) {
  Statement statement(*database_, "SELECT card FROM model WHERE name = ?1");
  if (!statement.bind(1, name).step()) return std::nullopt;
  return parse_json(statement.text(0), "the catalogue");
}

std::optional<std::string> Catalogue::workflow(const std::string& model, const std::string& name) {
  Statement statement(*database_, "SELECT text FROM workflow WHERE model = ?1 AND name = ?2");
  if (!statement.bind(1, model).bind(2, name).step()) return std::nullopt;
  return statement.text(0);
}

void Catalogue::add_workflow(const std::string& model, const std::string& name, const std::string& text) {
  Statement(*database_, "INSERT OR REPLACE INTO workflow(model, name, text) VALUES(?1, ?2, ?3)")
      .bind(1, model)
      .bind(2, name)
      .bind(3, text)
      .finish();
}

void Catalogue::replace(const std::vector<ModelCard>& cards, const std::string& from) {
  Transaction transaction(*database_);
  database_->run("DELETE FROM model");
  database_->run("DELETE FROM sync");
  database_->run("DELETE FROM workflow");
  for (const ModelCard& card : cards) {
    Statement(*database_, "INSERT INTO model(name, entry, words, card) VALUES(?1, ?2, ?3, ?4)")
        .bind(1, card.name)
        .bind(2, dump(entry_json(card)))
        .bind(3, search_words(card))
        .bind(4, dump(card_json(card)))
        .finish();
    for (const Workflow& workflow : card.workflows) add_workflow(card.name, workflow.name, workflow.text);
  }
  Statement(*database_, "INSERT INTO sync(time, source, generation) VALUES(?1, ?2, ?3)")
      .bind(1, utc_now())
      .bind(2, from)
      .bind(3, random_hex(128))
      .finish();
  transaction.commit();
}

}  // namespace sagittal::hub
