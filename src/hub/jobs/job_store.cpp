#include "hub/jobs/job_store.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/random.h"
#include "hub/jobs/job_folder.h"
#include "hub/jobs/job_rows.h"
#include "store/folder_lock.h"

namespace sagittal::hub {
namespace {

using durable::Statement;
using durable::Transaction;

constexpr int kMostAttempts = 2;

std::vector<JobInputText> texts_of(const JobRequest& request) {
  std::vector<JobInputText> texts;
  for (const JobInput& input : request.inputs)
    texts.push_back({.role = input.role, .description = input.path.filename().string()});
  return texts;
}

Json to_json(const std::vector<JobInputText>& inputs) {
  Json out = Json::array();
  for (const JobInputText& input : inputs) out.push_back({input.role, input.description, input.volume, input.series});
  return out;
}

}  // namespace

JobStore::JobStore(const std::filesystem::path& data_folder, const LogSink& log, std::function<std::int64_t()> now_ms)
    : jobs_(std::filesystem::absolute(data_folder) / "jobs"),
      log_(log),
      now_ms_(now_ms ? std::move(now_ms) : wall_clock_ms),
      holder_((durable::make_private_folder(jobs_), jobs_ / "holders")) {
  database_ = open_jobs(jobs_.parent_path() / "jobs.db", log_);
  remove_orphans();
}

Job JobStore::submit(const Submission& submission) {
  JobRequest request = submission.request;
  check(request);
  const auto inputs = submission.inputs.empty() ? texts_of(request) : submission.inputs;
  const std::string id = random_hex(64);
  const auto folder = folder_of(id);
  try {
    durable::make_private_folder(folder);
    if (submission.fill) submission.fill(folder, request);
    write_file_atomically(folder / "request.json", as_bytes(dump(request_json(request))), 0600);
    const std::lock_guard lock(mutex_);
    Transaction transaction(*database_);
    Statement kept(
        *database_,
        "SELECT ifnull(sum(state NOT IN ('done', 'failed', 'cancelled')), 0), ifnull(sum(bytes), 0) FROM job "
        "WHERE owner = ?1");
    kept.bind(1, submission.owner).step();
    if (submission.most_unfinished > 0 && kept.number(0) >= static_cast<std::int64_t>(submission.most_unfinished))
      throw Error(ErrorCode::unavailable, fmt::format("{} jobs of yours are unfinished, which is as many as one person "
                                                      "may have here; wait for one or cancel it",
                                                      kept.number(0)));
    if (submission.most_bytes > 0 && kept.number(1) >= static_cast<std::int64_t>(submission.most_bytes))
      throw Error(ErrorCode::unavailable, fmt::format("your jobs keep {} bytes here, which is as much as one person "
                                                      "may; remove some that have ended",
                                                      kept.number(1)));
    Statement(
        *database_,
        "INSERT INTO job(id, owner, model, title, source, workflow, backend, place, inputs, state, created, memory, "
        "millicpus, reserved) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'queued', ?10, ?11, ?12, ?13)")
        .bind(1, id)
        .bind(2, submission.owner)
        .bind(3, request.model)
        .bind(4, submission.title.empty() ? request.model : submission.title)
        .bind(5, request.source)
        .bind(6, request.workflow)
        .bind(7, request.backend)
        .bind(8, request.on)
        .bind(9, dump(to_json(inputs)))
        .bind(10, now_ms_())
        .bind(11, static_cast<std::int64_t>(request.limits.memory_bytes))
        .bind(12, static_cast<std::int64_t>(std::llround(request.limits.cpus * 1000)))
        .bind(13, submission.for_me ? holder_.name() : std::string())
        .finish();
    transaction.commit();
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    throw;
  }
  return get(id);
}

std::vector<Job> JobStore::read(const char* sql, const std::vector<std::string>& texts) const {
  const std::lock_guard lock(mutex_);
  const std::string whole = std::string(kJobColumns) + sql;
  Statement statement(*database_, whole.c_str());
  for (std::size_t n = 0; n < texts.size(); ++n) statement.bind(static_cast<int>(n) + 1, texts[n]);
  std::vector<Job> jobs;
  while (statement.step()) jobs.push_back(job_of(statement));
  return jobs;
}

std::vector<Job> JobStore::list(const std::optional<std::string>& owner, std::size_t most) const {
  auto jobs = owner ? read("WHERE owner = ?1 ORDER BY seq DESC LIMIT 10000", {*owner})
                    : read("ORDER BY seq DESC LIMIT 10000", {});
  if (jobs.size() > most) jobs.resize(most);
  return jobs;
}

Job JobStore::get(const std::string& id, const std::optional<std::string>& owner) const {
  auto jobs = read("WHERE id = ?1", {id});
  if (jobs.empty() || (owner && jobs[0].owner != *owner))
    throw Error(ErrorCode::not_found, fmt::format("there is no job {}", id.substr(0, 40)));
  return std::move(jobs[0]);
}

std::map<JobState, std::size_t> JobStore::counts() const {
  const std::lock_guard lock(mutex_);
  Statement statement(*database_, "SELECT state, count(*) FROM job GROUP BY state");
  std::map<JobState, std::size_t> counts;
  while (statement.step())
    counts[job_state_from_name(statement.text(0))] = static_cast<std::size_t>(statement.number(1));
  return counts;
}

JobRequest JobStore::request_of(const std::string& id) const { return read_request(folder_of(id)); }

Json JobStore::record_of(const std::string& id) const {
  const auto end = read_end(folder_of(id));
  return end ? end->report.record : Json();
}

void JobStore::cancel(const std::string& id) {
  recover();
  const std::lock_guard lock(mutex_);
  Transaction transaction(*database_);
  Statement row(*database_, "SELECT state FROM job WHERE id = ?1");
  if (!row.bind(1, id).step()) throw Error(ErrorCode::not_found, fmt::format("there is no job {}", id.substr(0, 40)));
  const JobState state = job_state_from_name(row.text(0));
  if (has_ended(state)) throw Error(ErrorCode::conflict, fmt::format("the job is over: {}", name_of(state)));
  if (is_waiting(state)) {
    Statement(
        *database_,
        "UPDATE job SET state = 'cancelled', ended = ?2, stage = '', reserved = '', version = version + 1 WHERE id = "
        "?1")
        .bind(1, id)
        .bind(2, now_ms_())
        .finish();
  } else {
    Statement(*database_, "UPDATE job SET cancel = 1, stage = 'stopping', version = version + 1 WHERE id = ?1")
        .bind(1, id)
        .finish();
  }
  transaction.commit();
  if (is_waiting(state)) remove_staged(folder_of(id));
}

std::uint64_t JobStore::remove(const std::string& id) {
  const Job job = get(id);
  if (!has_ended(job.state)) throw Error(ErrorCode::conflict, "the job has not ended; cancel it first");
  const std::uint64_t bytes = bytes_below(folder_of(id));
  {
    const std::lock_guard lock(mutex_);
    Statement(*database_, "DELETE FROM job WHERE id = ?1").bind(1, id).finish();
  }
  std::error_code failure;
  std::filesystem::remove_all(folder_of(id), failure);
  if (failure) throw Error(ErrorCode::io, fmt::format("{}: {}", folder_of(id).string(), failure.message()));
  return bytes;
}

std::size_t JobStore::expire(std::chrono::milliseconds keep, std::uint64_t most_bytes) {
  std::size_t removed = 0;
  std::uint64_t bytes = 0;
  const std::int64_t oldest = now_ms_() - keep.count();
  for (const Job& job : read("WHERE state IN ('done', 'failed', 'cancelled') ORDER BY ended DESC", {})) {
    bytes += job.bytes;
    if (job.ended_ms >= oldest && (most_bytes == 0 || bytes <= most_bytes)) continue;
    remove(job.id);
    bytes -= job.bytes;
    ++removed;
  }
  return removed;
}

bool JobStore::is_holder_gone(const std::string& holder, std::int64_t lease_ms) const {
  if (holder == holder_.name()) return false;
  return lease_ms < now_ms_() || is_gone(jobs_ / "holders", holder);
}

void JobStore::recover() {
  struct Left {
    std::string id, holder;
    std::int64_t attempts;
    bool cancel;
  };
  std::vector<Left> left;
  {
    const std::lock_guard lock(mutex_);
    Statement held(*database_, "SELECT id, holder, lease, attempts, cancel, place FROM job WHERE holder <> ''");
    while (held.step()) {
      // On a cluster a job goes on without us, however often we end.
      const std::int64_t attempts = held.text(5) == "slurm" ? 0 : held.number(3);
      if (is_holder_gone(held.text(1), held.number(2)))
        left.push_back({held.text(0), held.text(1), attempts, held.number(4) != 0});
    }
  }
  for (const Left& job : left) {
    std::optional<WorkEnd> end;
    try {
      end = read_end(folder_of(job.id));
    } catch (const Error&) {  // no record that could be believed
    }
    if (!end && job.cancel) end = WorkEnd{Error(ErrorCode::cancelled, "stopped on request"), {}};
    if (!end && job.attempts >= kMostAttempts) {
      end = WorkEnd{Error(ErrorCode::unavailable,
                          fmt::format("it was begun {} times, and each time the program that ran it was ended from "
                                      "outside or crashed; too little memory is a frequent reason",
                                      job.attempts)),
                    {}};
    }
    if (end) remove_staged(folder_of(job.id));
    if (end && end->error) remove_outputs(folder_of(job.id));
    const std::lock_guard lock(mutex_);
    Transaction transaction(*database_);
    // Another process may have seen the same.
    Statement mine(*database_, "SELECT 1 FROM job WHERE id = ?1 AND holder = ?2");
    if (!mine.bind(1, job.id).bind(2, job.holder).step()) continue;
    if (end) {
      settle(job.id, *end);
    } else {
      Statement(
          *database_,
          "UPDATE job SET state = 'interrupted', holder = '', lease = 0, reserved = '', stage = '', permille = 0, "
          "version = version + 1 WHERE id = ?1")
          .bind(1, job.id)
          .finish();
    }
    transaction.commit();
  }
}

std::optional<Job> JobStore::claim(const JobCapacity& capacity, const std::string& only) {
  recover();
  std::string claimed;
  bool on_cluster = false;
  {
    const std::lock_guard lock(mutex_);
    Transaction transaction(*database_);
    Statement busy(
        *database_,
        "SELECT ifnull(sum(memory), 0), ifnull(sum(millicpus), 0), count(*) FROM job WHERE holder GLOB ?1 AND "
        "place <> 'slurm'");
    busy.bind(1, machine_name() + "-*").step();
    const std::int64_t used_memory = busy.number(0), used_cpus = busy.number(1), used_jobs = busy.number(2);
    bool full = used_jobs >= capacity.jobs;
    const std::string sql = std::string(kJobColumns) + "WHERE state IN ('queued', 'interrupted') ORDER BY seq";
    Statement waiting(*database_, sql.c_str());
    while (claimed.empty() && waiting.step()) {
      const std::string reserved = waiting.text(kReserved);
      if (!reserved.empty() && reserved != holder_.name() && !is_gone(jobs_ / "holders", reserved)) continue;
      if (!only.empty() && waiting.text(kId) != only) continue;
      const bool fits = used_jobs == 0 ||
                        (used_memory + waiting.number(kMemory) <= static_cast<std::int64_t>(capacity.memory_bytes) &&
                         used_cpus + waiting.number(kMillicpus) <= std::llround(capacity.cpus * 1000));
      if (waiting.text(kPlace) != "slurm" && (full || !fits)) {
        full = true;  // those behind it wait as well, or it would wait for ever
        continue;
      }
      claimed = waiting.text(kId);
      on_cluster = waiting.text(kPlace) == "slurm";
    }
    if (claimed.empty()) return std::nullopt;
    std::error_code ignored;
    if (!on_cluster) std::filesystem::remove(folder_of(claimed) / "record.json", ignored);
    Statement(
        *database_,
        "UPDATE job SET state = 'staging', stage = 'staging', permille = 0, holder = ?2, lease = ?3, reserved = '', "
        "started = ?4, attempts = attempts + 1, cancel = 0, version = version + 1 WHERE id = ?1")
        .bind(1, claimed)
        .bind(2, holder_.name())
        .bind(3, now_ms_() + std::chrono::milliseconds(kLease).count())
        .bind(4, now_ms_())
        .finish();
    transaction.commit();
  }
  return get(claimed);
}

JobStore::Hold JobStore::renew(const std::string& id, std::string_view stage, double fraction) {
  constexpr std::int64_t lease = std::chrono::milliseconds(kLease).count();
  const std::lock_guard lock(mutex_);
  Statement row(*database_, "SELECT stage, permille, cancel, lease FROM job WHERE id = ?1 AND holder = ?2");
  if (!row.bind(1, id).bind(2, holder_.name()).step()) return Hold::lost;
  const bool stop = row.number(2) != 0;
  const std::string text = stop ? "stopping" : std::string(stage);
  const auto permille = static_cast<std::int64_t>(std::lround(std::clamp(fraction, 0.0, 1.0) * 1000));
  const bool changed = row.text(0) != text || row.number(1) != permille;
  if (changed || row.number(3) < now_ms_() + lease * 3 / 4) {
    Statement(
        *database_,
        "UPDATE job SET lease = ?2, state = ?3, stage = ?4, permille = ?5, version = version + ?6 WHERE id = ?1 AND "
        "holder = ?7")
        .bind(1, id)
        .bind(2, now_ms_() + lease)
        .bind(3, name_of(state_of_stage(stage)))
        .bind(4, text)
        .bind(5, permille)
        .bind(6, std::int64_t{changed})
        .bind(7, holder_.name())
        .finish();
  }
  return stop ? Hold::stop : Hold::mine;
}

void JobStore::release(const std::string& id) {
  const std::lock_guard lock(mutex_);
  Statement(
      *database_,
      "UPDATE job SET state = 'interrupted', stage = '', permille = 0, holder = '', lease = 0, attempts = attempts - "
      "1, version = version + 1 WHERE id = ?1 AND holder = ?2")
      .bind(1, id)
      .bind(2, holder_.name())
      .finish();
}

bool JobStore::holds(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  Statement row(*database_, "SELECT 1 FROM job WHERE id = ?1 AND holder = ?2");
  return row.bind(1, id).bind(2, holder_.name()).step();
}

/// What went wrong, for people elsewhere: where the data folder is, is not their business.
std::string JobStore::message_of(const std::string& id, const Error& error) const {
  std::string text = error.what();
  const std::string folder = folder_of(id).string() + "/";
  for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder, at)) text.erase(at, folder.size());
  return text;
}

void JobStore::settle(const std::string& id, const WorkEnd& end) {
  const char* state = !end.error ? "done" : end.error->code() == ErrorCode::cancelled ? "cancelled" : "failed";
  const bool told = end.error && end.error->code() != ErrorCode::cancelled;
  Json outputs = Json::array();
  for (const JobOutput& output : end.report.outputs) {
    Json json = output_json(output);
    std::error_code unknown;
    const auto size = std::filesystem::file_size(folder_of(id) / "out" / output.path, unknown);
    json["bytes"] = unknown ? Json() : Json(size);
    outputs.push_back(std::move(json));
  }
  Statement(
      *database_,
      "UPDATE job SET state = ?2, stage = '', permille = 0, holder = '', lease = 0, reserved = '', ended = ?3, code = "
      "?4, message = ?5, notes = ?6, outputs = ?7, bytes = ?8, version = version + 1 WHERE id = ?1")
      .bind(1, id)
      .bind(2, state)
      .bind(3, now_ms_())
      .bind(4, told ? describe(end.error->code()).name : std::string_view())
      .bind(5, told ? message_of(id, *end.error) : std::string())
      .bind(6, dump(end.report.notes))
      .bind(7, dump(outputs))
      .bind(8, static_cast<std::int64_t>(bytes_below(folder_of(id))))
      .finish();
}

bool JobStore::finish(const std::string& id, const WorkEnd& end) {
  if (!holds(id)) return false;
  write_end(folder_of(id), end);
  remove_staged(folder_of(id));
  if (end.error) remove_outputs(folder_of(id));
  const std::lock_guard lock(mutex_);
  Transaction transaction(*database_);
  Statement mine(*database_, "SELECT 1 FROM job WHERE id = ?1 AND holder = ?2");
  if (!mine.bind(1, id).bind(2, holder_.name()).step()) return false;
  settle(id, end);
  transaction.commit();
  return true;
}

void JobStore::serve() {
  const std::lock_guard lock(mutex_);
  Statement(*database_, "INSERT OR REPLACE INTO serving(holder, lease) VALUES(?1, ?2)")
      .bind(1, holder_.name())
      .bind(2, now_ms_() + std::chrono::milliseconds(kLease).count())
      .finish();
}

bool JobStore::somebody_serves() const {
  const std::lock_guard lock(mutex_);
  Statement rows(*database_, "SELECT holder, lease FROM serving");
  while (rows.step()) {
    if (!is_holder_gone(rows.text(0), rows.number(1))) return true;
  }
  return false;
}

/// Folders that never became a job, or whose job was removed, once nobody can be at work in them.
void JobStore::remove_orphans() {
  constexpr auto grace = std::chrono::hours(1);
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(jobs_, ignored)) {
    const std::string name = entry.path().filename().string();
    const auto changed = entry.last_write_time(ignored);
    if (name == "holders" || ignored || std::filesystem::file_time_type::clock::now() - changed < grace) continue;
    const std::lock_guard lock(mutex_);
    Statement row(*database_, "SELECT 1 FROM job WHERE id = ?1");
    if (!row.bind(1, name).step()) std::filesystem::remove_all(entry.path(), ignored);
  }
}

}  // namespace sagittal::hub
