#include "job_text.h"

#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/text.h"

namespace sagittal {
namespace {

constexpr std::size_t kMostLogBytes = std::size_t{64} << 20;

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : ""; }

std::string state_text(const hub::Job& job) {
  if (job.place > 0) return fmt::format("{}, place {}", name_of(job.state), job.place);
  if (hub::has_ended(job.state)) return std::string(name_of(job.state));
  return fmt::format("{} {:.0f} %", job.stage, job.fraction * 100);
}

}  // namespace

void print_jobs(const std::vector<hub::Job>& jobs) {
  for (const hub::Job& job : jobs) {
    fmt::print("{}  {:<20}  {:<24}  {}{}\n", job.id, text_of(hub::time_json(job.created_ms)), state_text(job),
               job.title, job.error ? fmt::format(": {}", job.error->what()) : "");
  }
}

void print_result(const hub::Job& job, const std::string& output) {
  for (const std::string& note : job.notes) fmt::print(stderr, "note: {}\n", note);
  for (const Json& file : job.outputs) {
    const std::uint64_t bytes = file.at("bytes").is_null() ? 0 : file.at("bytes").get<std::uint64_t>();
    fmt::print("{}  {}, {}\n", text_of(file.at("path")), text_of(file.at("kind")), size_text(bytes));
    for (const Json& segment : file.at("segments")) {
      fmt::print("  {:>4}  {:<40}  {:>10.1f} ml\n", segment.at("number").get<std::int64_t>(),
                 text_of(segment.at("name")), segment.at("volume_ml").get<double>());
    }
  }
  fmt::print("{}\n", output);
}

void print_log_tail(const std::filesystem::path& log) {
  constexpr std::size_t most_lines = 20;
  std::error_code ignored;
  if (!std::filesystem::exists(log, ignored)) return;
  const Bytes bytes = read_file(log, kMostLogBytes);
  auto lines = split(as_text(bytes), '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  for (std::size_t n = lines.size() - std::min(lines.size(), most_lines); n < lines.size(); ++n)
    fmt::print(stderr, "  {}\n", lines[n]);
}

}  // namespace sagittal
