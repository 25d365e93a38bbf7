#include "store/store.h"

#include <xxhash.h>

#include <algorithm>
#include <ctime>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "store/schema.h"

namespace sagittal::durable {
namespace {

/// Of state.db.
constexpr const char* kSteps[] = {R"(
  CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY CHECK (id = 0), ms INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, head TEXT NOT NULL, note TEXT NOT NULL,
    volume TEXT NOT NULL, used_ms INTEGER NOT NULL, active_ms INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS entry_volume ON entry (volume);
  CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY, entry INTEGER NOT NULL REFERENCES entry (id) ON DELETE CASCADE, hash INTEGER NOT NULL,
    bytes BLOB NOT NULL);
  CREATE INDEX IF NOT EXISTS record_entry ON record (entry);)"};
constexpr const char* kColumns = "SELECT name, kind, head, note, volume, used_ms, active_ms FROM entry";

std::int64_t hash_of(ByteView bytes) { return static_cast<std::int64_t>(XXH3_64bits(bytes.data(), bytes.size())); }

Entry read_entry(const Statement& row) {
  return {row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), row.number(5), row.number(6)};
}

std::unique_ptr<Database> open_database(const std::filesystem::path& path, const LogSink& log) {
  const auto open = [&] {
    auto database = std::make_unique<Database>(path);
    bring_up_to_date(*database, path, kSteps, log);
    database->run("PRAGMA foreign_keys=ON");
    return database;
  };
  try {
    return open();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::bad_input) throw;
    std::filesystem::path aside = path;
    aside += fmt::format(".damaged-{}", std::time(nullptr));
    for (const char* part : {"", "-wal", "-shm"}) {
      std::error_code absent;
      std::filesystem::rename(path.string() + part, aside.string() + part, absent);
    }
    if (log) log(LogLevel::error, fmt::format("{}; it was moved to {}", error.what(), aside.string()));
    return open();
  }
}

}  // namespace

Store::Store(const std::filesystem::path& folder, const LogSink& log)
    : lock_(folder), database_(open_database(folder / "state.db", log)), volumes_(folder / "volumes") {
  Statement last(*database_,
                 "SELECT max((SELECT coalesce(max(ms), 0) FROM clock), (SELECT coalesce(max(used_ms), 0) FROM entry))");
  last.step();
  clock_base_ms_ = last.number(0);
  std::set<std::string> used;
  for (Statement row(*database_, "SELECT DISTINCT volume FROM entry"); row.step();) used.insert(row.text(0));
  for (const std::string& name : volumes_.names()) {
    if (!used.contains(name)) volumes_.remove(name);
  }
}

std::int64_t Store::now_ms() const {
  using std::chrono::milliseconds, std::chrono::duration_cast;
  return clock_base_ms_ + duration_cast<milliseconds>(std::chrono::steady_clock::now() - start_).count();
}

void Store::write_clock() {
  Statement(*database_, "INSERT OR REPLACE INTO clock VALUES (0, ?1)").bind(1, now_ms()).finish();
}

void Store::tick() { touch({}, {}); }

std::vector<Entry> Store::entries() const {
  const std::lock_guard lock(mutex_);
  std::vector<Entry> found;
  for (Statement row(*database_, kColumns); row.step();) found.push_back(read_entry(row));
  return found;
}

std::optional<Entry> Store::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  Statement row(*database_, fmt::format("{} WHERE name = ?1", kColumns).c_str());
  if (!row.bind(1, name).step()) return std::nullopt;
  return read_entry(row);
}

std::vector<std::string> Store::with_volume(const std::string& prefix) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> found;
  Statement row(*database_,
                "SELECT name FROM entry WHERE volume <> '' AND substr(name, 1, length(?1)) = ?1 ORDER BY name");
  row.bind(1, prefix);
  while (row.step()) found.push_back(row.text(0));
  return found;
}

std::vector<Bytes> Store::records(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  std::vector<Bytes> found;
  Statement row(*database_,
                "SELECT bytes, hash FROM record WHERE entry = (SELECT id FROM entry WHERE name = ?1) ORDER BY id");
  row.bind(1, name);
  while (row.step()) {
    found.push_back(row.bytes(0));
    if (hash_of(found.back()) == row.number(1)) continue;
    throw Error(ErrorCode::bad_input, fmt::format("record {} of '{}' is damaged", found.size(), name));
  }
  return found;
}

std::uint64_t Store::bytes() const {
  const std::lock_guard lock(mutex_);
  const auto pragma = [this](const char* question) {
    Statement row(*database_, question);
    row.step();
    return static_cast<std::uint64_t>(row.number(0));
  };
  const std::uint64_t pages = pragma("PRAGMA page_count") - pragma("PRAGMA freelist_count");
  return volumes_.bytes() + pages * pragma("PRAGMA page_size");
}

std::string Store::volume_of(const std::string& name) const {
  Statement row(*database_, "SELECT volume FROM entry WHERE name = ?1");
  return row.bind(1, name).step() ? row.text(0) : std::string();
}

void Store::write(const Entry& entry, Records records, ByteView record) {
  const std::lock_guard lock(mutex_);
  const std::string volume_before = volume_of(entry.name);
  Transaction transaction(*database_);
  Statement(
      *database_,
      "INSERT INTO entry (name, kind, head, note, volume, used_ms, active_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
      "ON CONFLICT (name) DO UPDATE SET kind = ?2, head = ?3, note = ?4, volume = ?5, used_ms = ?6, active_ms = ?7")
      .bind(1, entry.name)
      .bind(2, entry.kind)
      .bind(3, entry.head)
      .bind(4, entry.note)
      .bind(5, entry.volume)
      .bind(6, entry.used_ms)
      .bind(7, entry.active_ms)
      .finish();
  if (records == Records::replace) {
    Statement(*database_, "DELETE FROM record WHERE entry = (SELECT id FROM entry WHERE name = ?1)")
        .bind(1, entry.name)
        .finish();
  }
  if (!record.empty()) {
    Statement(*database_, "INSERT INTO record (entry, hash, bytes) SELECT id, ?2, ?3 FROM entry WHERE name = ?1")
        .bind(1, entry.name)
        .bind(2, hash_of(record))
        .bind(3, record)
        .finish();
  }
  transaction.commit();
  if (volume_before != entry.volume) remove_if_unused(volume_before);
}

void Store::set_note(const std::string& name, const std::string& note) {
  const std::lock_guard lock(mutex_);
  Statement(*database_, "UPDATE entry SET note = ?2 WHERE name = ?1 AND note <> ?2")
      .bind(1, name)
      .bind(2, note)
      .finish();
}

void Store::erase(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const std::string volume = volume_of(name);
  Statement(*database_, "DELETE FROM entry WHERE name = ?1").bind(1, name).finish();
  remove_if_unused(volume);
}

void Store::discard(const std::string& volume) {
  const std::lock_guard lock(mutex_);
  remove_if_unused(volume);
}

void Store::remove_if_unused(const std::string& volume) {
  if (volume.empty()) return;
  Statement row(*database_, "SELECT 1 FROM entry WHERE volume = ?1 LIMIT 1");
  if (!row.bind(1, volume).step()) volumes_.remove(volume);
}

void Store::touch(const std::string& kind, const std::vector<Use>& uses) {
  const std::lock_guard lock(mutex_);
  Transaction transaction(*database_);
  for (const Use& use : uses) {
    Statement(*database_, "UPDATE entry SET used_ms = ?2, active_ms = ?3 WHERE name = ?1 AND kind = ?4")
        .bind(1, use.name)
        .bind(2, use.used_ms)
        .bind(3, use.active_ms)
        .bind(4, kind)
        .finish();
  }
  write_clock();
  transaction.commit();
  database_->run("PRAGMA incremental_vacuum(1024)");
}

std::vector<std::string> Store::unused_since(const std::string& kind, std::int64_t ms) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> found;
  Statement row(*database_, "SELECT name FROM entry WHERE kind = ?1 AND used_ms < ?2");
  row.bind(1, kind).bind(2, ms);
  while (row.step()) found.push_back(row.text(0));
  return found;
}

}  // namespace sagittal::durable
