#include "hub/io/collecting.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/io/output_file.h"
#include "hub/jobs/work_json.h"
#include "hub/plain_text.h"
#include "hub/workflow.h"

namespace sagittal::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 20'000, kMostNotes = 50, kMaxTable = std::size_t{16} << 20;
constexpr int kDeepest = 32;
constexpr std::string_view kTableName = "segdef.json";

/// Every plain file below a folder, by its path; all that is neither file nor folder is removed.
class Sweep {
 public:
  explicit Sweep(const fs::path& root) : root_(root) { walk(root, 0); }

  std::vector<std::string> files;  ///< sorted
  std::size_t removed = 0, unnamed = 0;

 private:
  void walk(const fs::path& folder, int depth) {
    if (depth > kDeepest) throw Error(ErrorCode::too_large, "the results lie in too many folders, one in the other");
    std::error_code failure;
    std::vector<fs::directory_entry> entries;
    for (fs::directory_iterator at(folder, failure), end; !failure && at != end; at.increment(failure)) {
      entries.push_back(*at);
      if (entries.size() + files.size() > kMostFiles)
        throw Error(ErrorCode::too_large, fmt::format("more than {} files were written", kMostFiles));
    }
    if (failure) throw Error(ErrorCode::io, fmt::format("cannot list the results: {}", failure.message()));
    std::sort(entries.begin(), entries.end());
    for (const fs::directory_entry& entry : entries) look_at(entry.path(), depth);
  }

  void look_at(const fs::path& path, int depth) {
    std::error_code failure;
    const fs::file_type type = fs::symlink_status(path, failure).type();
    if (type == fs::file_type::directory) return walk(path, depth + 1);
    if (type != fs::file_type::regular) {
      fs::remove(path, failure);
      if (failure)
        throw Error(ErrorCode::io, fmt::format("cannot remove a link from the results: {}", failure.message()));
      ++removed;
      return;
    }
    std::string below = path.lexically_relative(root_).generic_string();
    is_path_below(below) ? files.push_back(std::move(below)) : void(++unnamed);
  }

  const fs::path& root_;
};

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

/// The order of labels that the step which makes segments is told; nothing where several do.
std::map<std::int64_t, std::string> labels_of_workflow(const WorkflowSteps& steps) {
  std::map<std::int64_t, std::string> labels;
  const auto makes_segments = [](const WorkflowStep& step) { return !is_framework(step.module); };
  if (std::count_if(steps.steps.begin(), steps.steps.end(), makes_segments) != 1) return labels;
  const auto runner = std::find_if(steps.steps.begin(), steps.steps.end(), makes_segments);
  const std::string list = runner->text("roi", "");
  if (list.empty()) return labels;
  for (const std::string_view id : split(list, ',')) {
    labels[static_cast<std::int64_t>(labels.size()) + 1] = plain_line(id, 200);
  }
  return labels;
}

class Collector {
 public:
  Collector(const Staged& staged, const fs::path& out, const RunControl& control)
      : staged_(staged), out_(out), control_(control), workflow_labels_(labels_of_workflow(staged.steps)) {}

  Collected collect() {
    const Sweep sweep(out_);
    if (sweep.removed > 0) note(fmt::format("{} links or special files were removed from the results", sweep.removed));
    if (sweep.unnamed > 0) note(fmt::format("{} files with names that cannot be shown were left out", sweep.unnamed));
    for (const std::string& path : sweep.files) read_table(path);
    std::size_t done = 0;
    for (const std::string& path : sweep.files) {
      control_.check();
      control_.report("collecting", static_cast<double>(done++) / static_cast<double>(sweep.files.size()));
      read(path);
    }
    for (const Target& target : staged_.targets) expect(target);
    return std::move(collected_);
  }

 private:
  void note(std::string text) {
    if (collected_.notes.size() < kMostNotes) collected_.notes.push_back(std::move(text));
  }

  void read_table(const std::string& path) {
    if (!path.ends_with(kTableName)) return;
    try {
      const Bytes bytes = read_file(out_ / path, kMaxTable);
      for (auto& [file, labels] : parse_segment_table(as_text(bytes), path)) tables_[folder_of(path) + file] = labels;
    } catch (const Error& error) {
      note(fmt::format("{} cannot be read: {}", path, plain_line(error.what(), 500)));
    }
  }

  OutputHints hints_for(const std::string& path) const {
    OutputHints hints{.path = path, .is_segmentation = false, .labels = {}};
    for (const Target& target : staged_.targets) {
      if (target.is_segmentation && target.path.fits(path, staged_.instance)) hints.is_segmentation = true;
    }
    const auto described = tables_.find(path);
    if (described != tables_.end()) {
      hints.labels = described->second;
    } else if (hints.is_segmentation) {
      hints.labels = workflow_labels_;
    }
    return hints;
  }

  void read(const std::string& path) {
    try {
      collected_.outputs.push_back(read_output(out_ / path, hints_for(path), staged_));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::cancelled) throw;
      note(fmt::format("{} is of no use: {}", path, plain_line(error.what(), 500)));
    }
  }

  void expect(const Target& target) {
    const auto is_it = [&](const JobOutput& output) { return target.path.fits(output.path, staged_.instance); };
    if (std::any_of(collected_.outputs.begin(), collected_.outputs.end(), is_it)) {
      collected_.is_useful = true;
    } else {
      collected_.missing.push_back(target.path.shown(staged_.instance));
    }
  }

  const Staged& staged_;
  const fs::path& out_;
  const RunControl& control_;
  const std::map<std::int64_t, std::string> workflow_labels_;
  SegmentTable tables_;
  Collected collected_;
};

}  // namespace

Collected collect(const Staged& staged, const fs::path& out, const RunControl& control) {
  control.report("collecting", 0);
  return Collector(staged, out, control).collect();
}

}  // namespace sagittal::hub
