#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/bytes.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sagittal::durable {

/// One SQLite file with a write-ahead log, readable by its owner only; ":memory:" is none. Where a call fails:
/// Error(io) for a full or failing disk, Error(bad_input) for a damaged file. One thread at a time.
class Database {
 public:
  explicit Database(const std::filesystem::path& path);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  /// Statements without parameters and results.
  void run(const char* sql);

  /// What is committed to a new file, whole or not at all, and on the disk; a transaction of this one may be open.
  void copy_to(const std::filesystem::path& file) const;

 private:
  friend class Statement;
  [[noreturn]] void fail(int code) const;
  void close();
  /// A statement that nobody uses now: parsed before, or for the first time.
  sqlite3_stmt* take(const char* sql);
  void give_back(sqlite3_stmt* statement) noexcept;

  std::string path_;
  sqlite3* handle_ = nullptr;
  std::multimap<std::string, sqlite3_stmt*, std::less<>> idle_;  ///< by their text
};

/// One statement; parameters count from 1, columns from 0.
class Statement {
 public:
  Statement(Database& database, const char* sql);
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  Statement& bind(int parameter, std::string_view text);
  Statement& bind(int parameter, std::int64_t number);
  /// Not copied: `bytes` must outlive the steps.
  Statement& bind(int parameter, ByteView bytes);

  /// Whether there is a row.
  bool step();
  void finish() {
    while (step()) {
    }
  }
  std::string text(int column) const;
  std::int64_t number(int column) const;
  Bytes bytes(int column) const;

 private:
  void check(int code) const;
  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
};

/// All or nothing: what was not committed when it ends did not happen.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) { database_.run("BEGIN IMMEDIATE"); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  /// On the disk when it returns.
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace sagittal::durable
