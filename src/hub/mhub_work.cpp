#include "hub/mhub_work.h"

#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "hub/io/collecting.h"
#include "hub/io/plan.h"
#include "hub/io/staging.h"
#include "hub/io/step_progress.h"
#include "hub/plain_text.h"
#include "net/sha256.h"

namespace sagittal::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProgram = "mhub.run";  // the entry point of every image of MHub
constexpr const char* kData = "/app/data";
constexpr const char* kOwnFolder = "/tmp/sagittal";
constexpr std::size_t kTailLines = 12;

void make_empty(const fs::path& folder) {
  std::error_code failure;
  fs::remove_all(folder, failure);
  if (!failure) fs::create_directories(folder, failure);
  if (failure) {
    throw Error(ErrorCode::io, fmt::format("{}: cannot be emptied: {}", folder.string(), failure.message()));
  }
}

/// Folders that a model writes to beside its results. Source: mhubio; an unpacked image has no room for others.
std::vector<std::string> scratch_of(const std::string& image, bool is_unpacked) {
  std::vector<std::string> out{"/tmp"};
  for (const char* folder : {kData, "/app/tmp", "/root/.cache"}) {
    std::error_code absent;
    if (!is_unpacked || fs::is_directory(image + folder, absent)) out.emplace_back(folder);
  }
  return out;
}

/// A job's own name, so that what a crash left of it can be found; another where the folder has none that fits.
std::string run_name(const fs::path& folder) {
  const std::string own = folder.filename().string();
  const bool fits = !own.empty() && own.size() <= 64 &&
                    own.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  return fmt::format("sagittal-{}", fits ? own : random_hex(64));
}

/// What the run is: the image, what it sees, and what it is told.
SandboxJob sandbox_job(const JobRequest& request, const fs::path& folder, const std::string& image,
                       const std::string& workflow, bool is_own) {
  std::error_code absent;
  const bool is_unpacked = fs::is_directory(image, absent);
  SandboxJob job{.name = run_name(folder), .image = image};
  if (is_unpacked) {
    job.arguments.emplace_back(kProgram);
    job.environment.emplace_back("PYTHONPATH=/app");
    job.folder = "/app";
  }
  if (is_own) {
    job.arguments.insert(job.arguments.end(), {"--config", fmt::format("{}/host.yml", kOwnFolder)});
    job.mounts.push_back({folder / "workflow", kOwnFolder, false});
  } else {
    job.arguments.insert(job.arguments.end(), {"--workflow", workflow});
  }
  job.arguments.emplace_back("--print");
  job.mounts.push_back({folder / "in", fmt::format("{}/input_data", kData), false});
  job.mounts.push_back({folder / "out", fmt::format("{}/output_data", kData), true});
  job.scratch = scratch_of(image, is_unpacked);
  job.environment.emplace_back("HOME=/root");
  for (std::string& variable : thread_variables(request.limits.cpus)) job.environment.push_back(std::move(variable));
  job.gpus = request.gpus;
  job.limits = request.limits;
  return job;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += "\n  " + line;
  return out;
}

ErrorCode code_of(const RunEnd& end) {
  switch (end.how) {
    case RunEnd::How::out_of_memory:
    case RunEnd::How::too_much_output:
      return ErrorCode::too_large;
    case RunEnd::How::timed_out:
      return ErrorCode::unavailable;
    case RunEnd::How::exited:
      break;
  }
  return ErrorCode::unsupported;
}

/// What to tell where nothing came: what was waited for, what came instead, how it ended, and its last words.
[[noreturn]] void fail(const MHubModel& model, const Collected& found, const RunEnd& end, const Limits& limits,
                       const RunLog& log) {
  std::string text = fmt::format("{} left no result that can be used: it {}", model.name, describe(end, limits));
  if (!found.missing.empty()) text += "; expected:" + joined(found.missing);
  if (!found.notes.empty()) text += "\nwhat it left:" + joined(found.notes);
  const std::string tail = log.tail(kTailLines);
  text += tail.empty() ? "\nIt said nothing." : "\nthe last lines of its log:\n" + tail;
  throw Error(code_of(end), text);
}

std::vector<std::string> names_of(const WorkflowSteps& steps) {
  std::vector<std::string> names;
  for (const WorkflowStep& step : steps.steps) names.push_back(step.module);
  return names;
}

/// Whatever a runner reports while it gets an image is "pulling".
RunControl pulling(const RunControl& control) {
  control.report("pulling", 0);
  return {.sink =
              [&control](const Progress& progress) {
                const bool says_so = progress.stage.starts_with("pulling");
                control.report(says_so ? std::string(progress.stage) : fmt::format("pulling: {}", progress.stage),
                               progress.fraction);
              },
          .cancel = control.cancel};
}

/// Empty where it does not say: nothing fails for want of that.
std::string version_of(const Runner& runner) {
  try {
    return runner.version();
  } catch (const Error&) {
    return "";
  }
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

MHubModel find_mhub_model(Hub& hub, const JobRequest& request, const RunControl& control) {
  const Json card = hub.card(request.model, "mhub");
  MHubModel model;
  model.name = json_get<std::string>(card, "name", "the card");
  model.version = json_get_or<std::string>(card, "version", "the card", "");
  model.modalities = json_get<std::vector<std::string>>(card, "modalities", "the card");
  model.workflow = request.workflow.empty() ? "default" : request.workflow;
  model.workflow_text = hub.workflow(model.name, model.workflow, control);
  model.image = request.image;
  if (!model.image.empty()) return model;
  const Json image = json_get_or<Json>(card, "image", "the card", Json::object());
  model.image = fmt::format("{}:{}", json_get<std::string>(image, "name", "the card"),
                            json_get<std::string>(image, "tag", "the card"));
  return model;
}

WorkReport MHubWork::run(const JobRequest& request, const fs::path& folder, RunLog& log,
                         const RunControl& control) const {
  try {
    return run_in(folder, request, log, control);
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io, plain_line(error.what(), 1000));
  }
}

WorkReport MHubWork::run_in(const fs::path& folder, const JobRequest& request, RunLog& log,
                            const RunControl& control) const {
  using Clock = std::chrono::steady_clock;
  for (const char* part : {"in", "out", "workflow"}) make_empty(folder / part);
  fs::permissions(folder / "out", fs::perms::all);  // whoever the model runs as; the job's folder is closed to others
  const std::string began = utc_now();
  const auto start = Clock::now();
  const WorkflowPlan plan = plan_of(model_.name, model_.workflow, model_.workflow_text, model_.modalities);
  const Staged staged = stage(plan, request.inputs, folder / "in", control);
  if (!staged.own_workflow.empty())
    write_file_atomically(folder / "workflow" / "host.yml", as_bytes(staged.own_workflow));
  const double staging = seconds_since(start);

  const std::string image = runner_->pin(model_.image, pulling(control));
  SandboxJob job = sandbox_job(request, folder, image, model_.workflow, !staged.own_workflow.empty());
  if (machine_.hardening) job.hardening = machine_.hardening(image);
  control.report("running", 0);
  const auto run_start = Clock::now();
  StepProgress progress(names_of(staged.steps), control);
  RunLog watched([&](std::string_view line) {
    log.add(line);
    progress.see(line);
  });
  const RunEnd end = runner_->run(job, watched, control);
  const double running = seconds_since(run_start);

  Collected found = collect(staged, folder / "out", control);
  if (!found.is_useful) fail(model_, found, end, request.limits, log);
  WorkReport report{.outputs = std::move(found.outputs), .notes = staged.notes};
  report.notes.insert(report.notes.end(), end.notes.begin(), end.notes.end());
  report.notes.insert(report.notes.end(), found.notes.begin(), found.notes.end());
  if (!found.missing.empty())
    report.notes.push_back(fmt::format("expected, but not there: {}", fmt::join(found.missing, ", ")));
  const std::string& text = staged.own_workflow.empty() ? model_.workflow_text : staged.own_workflow;
  const std::string digest = runner_->digest_of(image);
  report.record = {{"model", model_.name},
                   {"version", model_.version},
                   {"source", "mhub"},
                   {"workflow", staged.own_workflow.empty() ? model_.workflow : "host"},
                   {"workflow_sha256", net::sha256_hex(as_bytes(text))},
                   {"engine", std::string(runner_->name())},
                   {"engine_version", version_of(*runner_)},
                   {"image", model_.image},
                   {"image_digest", digest.empty() ? Json() : Json(digest)},
                   {"hardening", job.hardening == Hardening::read_only ? "read_only" : "writable_layer"},
                   {"gpus", request.gpus},
                   {"inputs", record_of(staged.inputs)},
                   {"ended", describe(end, request.limits)},
                   {"started", began},
                   {"finished", utc_now()},
                   {"seconds", {{"staging", staging}, {"running", running}}},
                   {"sagittal", machine_.our_version}};
  return report;
}

}  // namespace sagittal::hub
