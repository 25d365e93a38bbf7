#include "stream/running.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "base/random.h"
#include "stream/names.h"

namespace sagittal::stream {
namespace {

constexpr std::size_t kKeptLines = 200, kMaxLine = 1000;
constexpr std::size_t kIdBits = 64;

const ParameterBase& parameter_of(const Setup& setup, const std::string& op, const std::string& name) {
  try {
    return setup.parameter(name);
  } catch (Error& error) {
    throw error.within(fmt::format("\"{}\"", op));
  }
}

/// Puts what a caller asked for into the pipeline.
void set_parameters(PipelineFile& pipeline, const OperatorRegistry& registry, const Json& parameters) {
  if (!parameters.is_object()) throw Error(ErrorCode::bad_input, "\"parameters\": expected a table of operators");
  for (const auto& [name, values] : parameters.items()) {
    const auto part = std::find_if(pipeline.operators.begin(), pipeline.operators.end(),
                                   [&op = name](const PipelineFile::Part& known) { return known.name == op; });
    if (part == pipeline.operators.end()) {
      throw Error(ErrorCode::not_found,
                  fmt::format("there is no operator \"{}\"{}", name, there_are_of(pipeline.operators, name)));
    }
    if (!values.is_object()) throw Error(ErrorCode::bad_input, fmt::format("\"{}\": expected a table", name));
    const auto op = registry.make(part->type);
    Setup setup;
    op->setup(setup);
    for (const auto& [key, value] : values.items()) {
      if (parameter_of(setup, name, key).settable() == Settable::in_file) {
        throw Error(ErrorCode::conflict, fmt::format("{}.{} is set by the pipeline's file alone", name, key));
      }
      part->parameters[key] = value;
    }
  }
}

}  // namespace

struct RunningPipeline::Lines {
  std::mutex mutex;
  std::deque<std::string> lines;

  void add(std::string_view text) {
    const std::lock_guard lock(mutex);
    lines.emplace_back(text.substr(0, kMaxLine));
    if (lines.size() > kKeptLines) lines.pop_front();
  }
};

std::vector<std::string> RunningPipeline::log() const {
  const std::lock_guard lock(lines_->mutex);
  return {lines_->lines.begin(), lines_->lines.end()};
}

RunningPipelines::RunningPipelines(const PipelineLibrary& library, const OperatorRegistry& registry, std::size_t most,
                                   LogSink log)
    : library_(library), registry_(registry), most_(most), log_(std::move(log)) {}

RunningPipelines::~RunningPipelines() = default;

std::shared_ptr<RunningPipeline> RunningPipelines::start(std::string_view name, const Json& parameters,
                                                         const std::string& owner) {
  PipelineFile file = library_.read(name);
  const std::vector<StoodIn> stood_in = settle_assets(file, library_.assets());
  set_parameters(file, registry_, parameters);
  const auto made = start_file(file, name, owner);
  for (const StoodIn& one : stood_in) {
    made->lines_->add(describe(one));
    if (log_) log_(LogLevel::warning, fmt::format("{}: {}", made->name_, describe(one)));
  }
  return made;
}

std::shared_ptr<RunningPipeline> RunningPipelines::start_file(const PipelineFile& file, std::string_view name,
                                                              const std::string& owner) {
  Graph graph = build(file, registry_);
  auto made = std::make_shared<RunningPipeline>();
  made->id_ = random_hex(kIdBits);
  made->name_ = name;
  made->title_ = file.title.empty() ? made->name_ : file.title;
  made->owner_ = owner;
  made->started_ =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  made->lines_ = std::make_shared<RunningPipeline::Lines>();
  RunOptions options = file.run;
  options.keep_latest = true;
  if (!options.track_flows) options.track_flows = FlowTrackerOptions{};
  options.log = [lines = made->lines_, log = log_, title = made->name_](LogLevel level, std::string_view text) {
    if (log) log(level, fmt::format("{}: {}", title, text));
    lines->add(text);
  };
  reserve();
  try {
    made->run_ = std::make_unique<PipelineRun>(std::move(graph), std::move(options));
  } catch (...) {
    settle(nullptr);
    throw;
  }
  settle(made);
  return made;
}

void RunningPipelines::reserve() {
  const std::lock_guard lock(mutex_);
  const auto alive = std::count_if(all_.begin(), all_.end(), [](const auto& known) { return !known->has_ended(); });
  if (static_cast<std::size_t>(alive) + starting_ >= most_) {
    throw Error(ErrorCode::unavailable, fmt::format("{} pipelines run, as many as this server allows", alive));
  }
  ++starting_;
}

void RunningPipelines::settle(std::shared_ptr<RunningPipeline> made) {
  std::vector<std::shared_ptr<RunningPipeline>> forgotten;  // which end after the lock
  const std::lock_guard lock(mutex_);
  --starting_;
  if (made) all_.push_back(std::move(made));
  auto ended = std::count_if(all_.begin(), all_.end(), [](const auto& known) { return known->has_ended(); });
  for (auto known = all_.begin(); ended > static_cast<std::ptrdiff_t>(most_) && known != all_.end();) {
    if ((*known)->has_ended()) {
      forgotten.push_back(*known);
      known = all_.erase(known);
      --ended;
    } else {
      ++known;
    }
  }
}

std::vector<std::shared_ptr<RunningPipeline>> RunningPipelines::list(const std::string& owner) const {
  std::vector<std::shared_ptr<RunningPipeline>> mine;
  const std::lock_guard lock(mutex_);
  std::copy_if(all_.rbegin(), all_.rend(), std::back_inserter(mine),
               [&](const auto& known) { return known->owner() == owner; });
  return mine;
}

std::shared_ptr<RunningPipeline> RunningPipelines::find(std::string_view id, const std::string& owner) const {
  const std::lock_guard lock(mutex_);
  for (const auto& known : all_) {
    if (known->id() == id && known->owner() == owner) return known;
  }
  throw Error(ErrorCode::not_found, "there is no such stream");
}

void RunningPipelines::remove(std::string_view id, const std::string& owner) {
  const auto found = find(id, owner);
  found->run().stop("stopped by its owner");
  const std::lock_guard lock(mutex_);
  all_.erase(std::remove(all_.begin(), all_.end(), found), all_.end());
}

std::size_t RunningPipelines::running() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(all_.begin(), all_.end(), [](const auto& known) { return !known->has_ended(); }));
}

}  // namespace sagittal::stream
