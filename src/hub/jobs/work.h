#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/progress.h"
#include "hub/runners/run_log.h"
#include "hub/runners/sandbox.h"
#include "terms/terminology.h"

namespace sagittal::hub {

/// One scan that a person gave.
struct JobInput {
  std::string role = {};            ///< "ct", "pt", "t2w"; empty where the model has one input
  std::filesystem::path path = {};  ///< image file, or DICOM folder, file or ZIP archive; absolute
  std::string series_uid = {};      ///< where that holds several; empty: the only one
};

/// What was asked.
struct JobRequest {
  std::string model = {};     ///< a name, or the absolute path of a model folder
  std::string source = {};    ///< "mhub" or "local"; empty: of the catalogue if it is there, else of this machine
  std::string workflow = {};  ///< empty: the default
  std::string backend = {};   ///< one of `backends()`; empty: the best here
  std::string on = "local";   ///< or "slurm"
  std::string image = {};     ///< reference, or folder of an unpacked image; empty: the card's
  std::vector<JobInput> inputs = {};
  std::vector<int> gpus = {};
  Limits limits = {};
};

/// A segment as it stands in a file that was written.
struct OutputSegment {
  std::int64_t number = 0;
  std::string name = {};
  std::string id = {};  ///< SegDB's; empty: none is known
  Rgb colour{};
  std::optional<Terminology> codes = {};
  double volume_ml = 0;
};

struct JobOutput {
  std::string path = {};  ///< below out/, parts joined by '/'
  std::string kind = {};  ///< "segmentation", "table", "json", "image" or "file"
  std::vector<OutputSegment> segments = {};
};

/// What came out. `record` holds what is needed to tell later how: model, version, source, workflow and the SHA-256 of
/// its text, engine and its version, image digest, hardening, hashes of the inputs, times, our version.
struct WorkReport {
  std::vector<JobOutput> outputs = {};
  std::vector<std::string> notes = {};  ///< for people
  Json record = Json::object();
};

/// What a job is about. It knows nothing of queues, HTTP and SQLite. Any thread; several runs at once.
class Work {
 public:
  virtual ~Work() = default;

  /// Stages `request` in `folder`/in, runs, and leaves the results in `folder`/out; both may be left from a run that
  /// was cut off, and are emptied first. The first word of a stage that it reports is what people see of the job's
  /// state where it is "pulling", "staging" or "collecting"; all others are "running". Error(…) with the reason where
  /// nothing usable came out; Error(cancelled).
  virtual WorkReport run(const JobRequest& request, const std::filesystem::path& folder, RunLog& log,
                         const RunControl& control) const = 0;
};

}  // namespace sagittal::hub
