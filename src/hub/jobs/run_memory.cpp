#include "hub/jobs/run_memory.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"
#include "hub/jobs/job.h"
#include "hub/jobs/job_rows.h"
#include "store/schema.h"

namespace sagittal::hub {
namespace {

using durable::Statement;

/// The words themselves are kept: what was agreed to must be readable years later. Before tables had
/// versions they were these too.
constexpr const char* kSteps[] = {R"(
  CREATE TABLE IF NOT EXISTS acceptance (
    model TEXT NOT NULL, words TEXT NOT NULL, id TEXT NOT NULL, who TEXT NOT NULL, time TEXT NOT NULL,
    PRIMARY KEY (model, words, who));
  CREATE TABLE IF NOT EXISTS hardening (digest TEXT PRIMARY KEY, level TEXT NOT NULL);)"};

constexpr const char* kFile = "runs.db";

std::filesystem::path file_in(const std::filesystem::path& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw Error(ErrorCode::io, "cannot make " + folder.string() + ": " + failure.message());
  return folder / kFile;
}

}  // namespace

std::string_view name_of(Hardening hardening) {
  return hardening == Hardening::read_only ? "read_only" : "writable_layer";
}

bool speaks_of_read_only_files(std::string_view log_tail) {
  constexpr std::array<std::string_view, 4> words{"read-only file system", "erofs", "errno 30", "permission denied"};
  const std::string text = lower_case(log_tail);
  return std::any_of(words.begin(), words.end(), [&](auto word) { return text.find(word) != std::string::npos; });
}

RunMemory::RunMemory(const std::filesystem::path& data_folder) : database_(file_in(data_folder)) {
  durable::bring_up_to_date(database_, data_folder / kFile, kSteps);
}

std::optional<RunMemory::Acceptance> RunMemory::accepted(const std::string& model, const std::string& licence_text,
                                                         const std::string& who) const {
  const std::lock_guard lock(mutex_);
  Statement row(database_, "SELECT who, time FROM acceptance WHERE model = ?1 AND words = ?2 AND who = ?3");
  if (!row.bind(1, model).bind(2, licence_text).bind(3, who).step()) return std::nullopt;
  return Acceptance{row.text(0), row.text(1)};
}

void RunMemory::accept(const std::string& model, const std::string& licence_id, const std::string& licence_text,
                       const std::string& who) {
  const std::lock_guard lock(mutex_);
  Statement(database_, "INSERT OR IGNORE INTO acceptance(model, words, id, who, time) VALUES(?1, ?2, ?3, ?4, ?5)")
      .bind(1, model)
      .bind(2, licence_text)
      .bind(3, licence_id)
      .bind(4, who)
      .bind(5, time_json(wall_clock_ms()).get<std::string>())
      .finish();
}

std::optional<Hardening> RunMemory::hardening(const std::string& digest) const {
  const std::lock_guard lock(mutex_);
  Statement row(database_, "SELECT level FROM hardening WHERE digest = ?1");
  if (!row.bind(1, digest).step()) return std::nullopt;
  return row.text(0) == name_of(Hardening::writable_layer) ? Hardening::writable_layer : Hardening::read_only;
}

void RunMemory::learn(const std::string& digest, Hardening hardening) {
  const std::lock_guard lock(mutex_);
  Statement(database_, "INSERT OR REPLACE INTO hardening(digest, level) VALUES(?1, ?2)")
      .bind(1, digest)
      .bind(2, name_of(hardening))
      .finish();
}

}  // namespace sagittal::hub
