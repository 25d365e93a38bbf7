#include "hub/native_work.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/machine.h"
#include "base/text.h"
#include "hub/catalogue.h"
#include "hub/composed_task.h"
#include "hub/jobs/segments.h"
#include "hub/native_model.h"
#include "hub/plain_text.h"
#include "io/dicom_seg.h"
#include "io/dicom_series.h"
#include "io/segmentation_io.h"
#include "net/sha256.h"

namespace sagittal::hub {
namespace {

namespace fs = std::filesystem;

/// Makes `folder` anew, whatever a run before left.
void empty(const fs::path& folder) {
  std::error_code failure;
  fs::remove_all(folder, failure);
  if (!failure) fs::create_directories(folder, failure);
  if (failure) throw Error(ErrorCode::io, fmt::format("cannot make {}: {}", folder.string(), failure.message()));
}

/// The inputs in the order of the channels.
std::vector<JobInput> by_channel(const std::vector<JobInput>& inputs, const std::vector<std::string>& channels) {
  std::vector<JobInput> ordered;
  for (const std::string& channel : channels) {
    for (const JobInput& input : inputs) {
      if (!input.role.empty() && input.role == lower_case(channel)) ordered.push_back(input);
    }
  }
  return ordered.size() == inputs.size() ? ordered : inputs;
}

bool is_dicom(const std::string& format) { return format.starts_with("DICOM"); }

io::ReadOptions read_options(const JobInput& input, RunLog& log) {
  io::ReadOptions options;
  options.series_uid = input.series_uid;
  options.log = [&log](LogLevel, std::string_view text) { log.add(text); };
  return options;
}

/// SHA-256 over the file, or over the files of the series in the order of their paths.
Json hash_of(const JobInput& input, const io::ReadOptions& options, bool dicom) {
  std::vector<fs::path> files{input.path};
  std::string series;
  if (dicom && fs::is_directory(input.path)) {
    const auto found = io::find_dicom_series(input.path, options);
    const io::DicomImages& images = io::choose_series(found, options, input.path.string());
    files = images.files;
    series = images.info.uid;
    std::sort(files.begin(), files.end());
  }
  std::string digests;
  for (const fs::path& file : files) digests += net::sha256_hex(MappedFile(file).bytes());
  return {{"role", input.role},
          {"series_uid", series},
          {"files", files.size()},
          {"sha256", files.size() == 1 ? digests : net::sha256_hex(as_bytes(digests))}};
}

/// A file name from a model's name.
std::string stem_of(const std::string& model) {
  std::string stem;
  for (const char c : model) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    stem += plain ? c : '_';
  }
  return stem.empty() ? std::string("segmentation") : stem.substr(0, 100);
}

struct Scan {
  std::vector<Volume> channels;
  Json hashes = Json::array();
  bool dicom = false;
  JobInput first;
};

Scan read_scan(const std::vector<JobInput>& inputs, RunLog& log, const RunControl& control) {
  Scan scan;
  scan.first = inputs.at(0);
  for (std::size_t n = 0; n < inputs.size(); ++n) {
    control.check();
    control.report("staging", static_cast<double>(n) / static_cast<double>(inputs.size()));
    const io::ReadOptions options = read_options(inputs[n], log);
    const bool dicom = is_dicom(io::describe_image(inputs[n].path, options).format);
    if (n == 0) scan.dicom = dicom;
    scan.channels.push_back(io::read_image(inputs[n].path, options));
    scan.hashes.push_back(hash_of(inputs[n], options, dicom));
    log.add(fmt::format("input {}: {} voxels", plain_line(inputs[n].path.filename().string(), 200),
                        describe_shape(scan.channels.back().geometry().size)));
  }
  return scan;
}

/// What a model or a task found, and what the record says of it.
struct Found {
  Volume labels;
  nn::Dataset dataset;
  std::string author;
  Json record;
};

JobOutput write_output(const Found& found, const Scan& scan, const fs::path& out, const std::string& stem,
                       RunLog& log) {
  const bool overlaps = found.dataset.has_regions();
  const std::string name = stem + (scan.dicom ? ".seg.dcm" : overlaps ? ".seg.nrrd" : ".nii.gz");
  io::Segmentation segmentation = segmentation_of(found.labels, found.dataset, found.author, scan.dicom || overlaps);
  if (segmentation.segments.empty() && scan.dicom)
    throw Error(ErrorCode::unsupported, "the model found none of its structures in this scan");
  if (scan.dicom)
    segmentation = io::placed_on(segmentation, io::read_dicom_source(scan.first.path, read_options(scan.first, log)));
  io::write_segmentation(segmentation, out / name);
  return {name, "segmentation", output_segments(io::read_segmentation(out / name))};
}

/// One run: what is asked, and where it goes on.
struct Run {
  const JobRequest& request;
  const segment::LoadOptions& load;
  RunLog& log;
  const RunControl& control;
  const std::function<void(std::uint64_t bytes)>& expect;

  void expect_memory(const segment::Model& model, const Geometry& image) const {
    const std::uint64_t bytes = segment::memory_needed(model, image);
    if (expect) expect(bytes);
    log.add(
        fmt::format("needs about {} of memory, may have {}", size_text(bytes), size_text(request.limits.memory_bytes)));
  }
};

Found find_with_model(const Run& run, const fs::path& folder, Scan& scan) {
  const NativeModel model = load_native_model(folder, run.load);
  run.log.add(fmt::format("model {}, {}", model.main->folder.name, model.main->description()));
  run.control.check();
  scan = read_scan(by_channel(run.request.inputs, model.main->folder.dataset.channel_names), run.log, run.control);
  run.expect_memory(*model.main, scan.channels.at(0).geometry());
  ThreadPool pool(run.load.threads);
  segment::PredictOptions predict;
  predict.control = run.control;
  Volume labels = predict_native({&model, 1}, scan.channels, predict, {}, pool);
  return {std::move(labels),
          model.main->folder.dataset,
          author_of(*model.main),
          {{"dataset", plain_line(model.main->folder.plans.dataset_name, 500)},
           {"configuration", model.main->folder.configuration.name},
           {"folds", model.main->folds},
           {"engine", {{"name", "native"}, {"version", model.main->description()}}}}};
}

Found find_with_task(const Run& run, const segment::Composition& task, const FindModel& find_model, Scan& scan) {
  if (!run.request.workflow.empty())
    throw Error(ErrorCode::wrong_usage, fmt::format("{} has one workflow only: without --workflow", run.request.model));
  if (run.request.inputs.size() != 1)
    throw Error(ErrorCode::wrong_usage,
                fmt::format("{} images were given, the model takes 1", run.request.inputs.size()));
  Json models = Json::array();
  std::string engine;
  ComposeOptions options{.find_model = find_model, .load = run.load};
  options.control = run.control;
  options.loaded = [&](const segment::Model& model) {
    run.log.add(fmt::format("model {}, {}", model.folder.plans.dataset_name, model.description()));
    models.push_back({{"dataset", plain_line(model.folder.plans.dataset_name, 500)},
                      {"configuration", model.folder.configuration.name},
                      {"folds", model.folds}});
    run.expect_memory(model, scan.channels.at(0).geometry());
    engine = model.description();
  };
  check_parts(task, options);
  scan = read_scan(run.request.inputs, run.log, run.control);
  ThreadPool pool(run.load.threads);
  segment::Composed found = run_composed(task, scan.channels[0], options, pool);
  return {std::move(found.labels),
          std::move(found.dataset),
          fmt::format("TotalSegmentator {}", task.task),
          {{"models", models}, {"engine", {{"name", "native"}, {"version", engine}}}}};
}

}  // namespace

WorkReport NativeWork::run(const JobRequest& request, const fs::path& folder, RunLog& log,
                           const RunControl& control) const {
  const std::string begun = utc_now();
  empty(folder / "in");
  empty(folder / "out");
  control.report("staging", 0);
  segment::LoadOptions load;
  const int most = std::max(1, static_cast<int>(std::floor(request.limits.cpus)));
  load.threads = threads_ > 0 ? threads_ : std::min(available_cores(), most);
  load.configuration = request.workflow;
  load.devices = devices_;
  const Run run{request, load, log, control, expect_};
  Scan scan;
  const segment::Composition* task = composed_task(request.model);
  const Found found = task != nullptr ? find_with_task(run, *task, find_model_, scan)
                                      : find_with_model(run, find_model_(request.model), scan);
  scan.channels.clear();
  control.check();
  control.report("collecting", 0);
  WorkReport report;
  report.outputs.push_back(
      write_output(found, scan, folder / "out", stem_of(fs::path(request.model).filename().string()), log));
  if (report.outputs[0].segments.empty()) report.notes.push_back("the model found none of its structures in this scan");
  report.record = {{"model", plain_line(request.model, 4096)},
                   {"source", "local"},
                   {"inputs", scan.hashes},
                   {"started", begun},
                   {"ended", utc_now()},
                   {"sagittal", SAGITTAL_VERSION}};
  report.record.update(found.record);
  return report;
}

}  // namespace sagittal::hub
