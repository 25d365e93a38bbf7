#include "store/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "base/error.h"

namespace sagittal::durable {

namespace {

/// SQLite would ask the umask.
void make_private(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  const bool made = file >= 0 && ::fchmod(file, 0600) == 0;
  const int failure = errno;
  if (file >= 0) ::close(file);
  if (!made) throw Error(ErrorCode::io, fmt::format("cannot write {}: {}", path, std::strerror(failure)));
}

}  // namespace

Database::Database(const std::filesystem::path& path) : path_(path.string()) {
  if (path_ != ":memory:") make_private(path_);
  try {
    const int code = sqlite3_open_v2(path_.c_str(), &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, nullptr);
    if (code != SQLITE_OK) fail(code);
    sqlite3_busy_timeout(handle_, 5000);
    run("PRAGMA auto_vacuum=INCREMENTAL");
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("PRAGMA secure_delete=FAST");
    run("PRAGMA journal_size_limit=67108864");
    run("PRAGMA trusted_schema=OFF");
  } catch (...) {
    close();
    throw;
  }
}

Database::~Database() { close(); }

void Database::copy_to(const std::filesystem::path& file) const {
  const std::string part = fmt::format("{}.part-{}", file.string(), ::getpid());
  std::error_code failed;
  std::filesystem::remove(part, failed);
  make_private(part);
  sqlite3* reader = nullptr;
  int code = sqlite3_open_v2(path_.c_str(), &reader, SQLITE_OPEN_READONLY, nullptr);
  sqlite3_busy_timeout(reader, 5000);
  char* sql = sqlite3_mprintf("VACUUM INTO %Q", part.c_str());
  if (code == SQLITE_OK) code = sql == nullptr ? SQLITE_NOMEM : sqlite3_exec(reader, sql, nullptr, nullptr, nullptr);
  sqlite3_free(sql);
  sqlite3_close(reader);
  const Descriptor written(::open(part.c_str(), O_RDONLY | O_CLOEXEC));
  std::string why = code == SQLITE_OK ? "" : sqlite3_errstr(code);
  if (why.empty() && (!written || ::fsync(written.fd) != 0)) why = std::strerror(errno);
  if (why.empty()) {
    std::filesystem::rename(part, file, failed);
    if (!failed) return;
    why = failed.message();
  }
  std::filesystem::remove(part, failed);
  throw Error(ErrorCode::io, fmt::format("{} cannot be copied to {}: {}", path_, file.string(), why));
}

void Database::close() {
  for (const auto& [text, statement] : idle_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

sqlite3_stmt* Database::take(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  if (const auto idle = idle_.find(std::string_view(sql)); idle != idle_.end()) {
    statement = idle->second;
    idle_.erase(idle);
    return statement;
  }
  const int code = sqlite3_prepare_v2(handle_, sql, -1, &statement, nullptr);
  if (code != SQLITE_OK) fail(code);
  return statement;
}

void Database::give_back(sqlite3_stmt* statement) noexcept {
  sqlite3_reset(statement);  // its error was thrown already
  sqlite3_clear_bindings(statement);
  try {
    idle_.emplace(sqlite3_sql(statement), statement);
  } catch (const std::bad_alloc&) {
    sqlite3_finalize(statement);
  }
}

void Database::run(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

void Database::fail(int code) const {
  const int primary = code & 0xff;
  if (primary == SQLITE_FULL || sqlite3_system_errno(handle_) == ENOSPC) {
    throw Error(ErrorCode::io, "the server's disk is full, so nothing could be kept; free some space and try again");
  }
  if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_MISMATCH) {
    throw Error(ErrorCode::bad_input, fmt::format("{} is damaged: {}", path_, sqlite3_errstr(code)));
  }
  throw Error(ErrorCode::io,
              fmt::format("{}: {}", path_, handle_ == nullptr ? "out of memory" : sqlite3_errmsg(handle_)));
}

Statement::Statement(Database& database, const char* sql) : database_(database), handle_(database.take(sql)) {}

Statement::~Statement() { database_.give_back(handle_); }

void Statement::check(int code) const {
  if (code != SQLITE_OK) database_.fail(code);
}

Statement& Statement::bind(int parameter, std::string_view text) {
  check(sqlite3_bind_text64(handle_, parameter, text.data() == nullptr ? "" : text.data(), text.size(),
                            SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind(int parameter, std::int64_t number) {
  check(sqlite3_bind_int64(handle_, parameter, number));
  return *this;
}

Statement& Statement::bind(int parameter, ByteView bytes) {
  check(sqlite3_bind_blob64(handle_, parameter, bytes.data(), bytes.size(), SQLITE_STATIC));
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_.fail(code);
  return false;
}

std::string Statement::text(int column) const {
  const auto* characters = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  return characters == nullptr
             ? std::string()
             : std::string(characters, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column)));
}

std::int64_t Statement::number(int column) const { return sqlite3_column_int64(handle_, column); }

Bytes Statement::bytes(int column) const {
  const auto* first = static_cast<const std::uint8_t*>(sqlite3_column_blob(handle_, column));
  return first == nullptr ? Bytes() : Bytes(first, first + sqlite3_column_bytes(handle_, column));
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    database_.run("ROLLBACK");
  } catch (const Error&) {
    // SQLite has rolled back by itself.
  }
}

void Transaction::commit() {
  database_.run("COMMIT");
  open_ = false;
}

}  // namespace sagittal::durable
