#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "numbers.h"
#include "scratch.h"

namespace sagittal::stream {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> split_at(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t at = text.find(separator); at != std::string::npos; at = text.find(separator, start)) {
    parts.push_back(text.substr(start, at - start));
    start = at + separator.size();
  }
  parts.push_back(text.substr(start));
  return parts;
}

/// Latencies in milliseconds by path, as HoloHub reads a log for its analyser (commit 00a70db,
/// benchmarks/holoscan_flow_benchmarking/log_parser.py): lines that begin with "(", parts between "->", of each without
/// blanks what is within its first and last character, three fields between commas, the last two whole numbers.
std::map<std::string, std::vector<double>> as_holohub_reads(const std::filesystem::path& log) {
  std::map<std::string, std::vector<double>> latencies;
  std::ifstream file(log);
  for (std::string line; std::getline(file, line);) {
    EXPECT_EQ(line.at(0), '(') << line;
    std::string path;
    long long first = 0, last = 0;
    for (std::string part : split_at(line, "->")) {
      part.erase(0, part.find_first_not_of(' '));
      part.erase(part.find_last_not_of(' ') + 1);
      EXPECT_EQ(part.back(), ')') << line;
      const auto fields = split_at(part.substr(1, part.size() - 2), ",");
      EXPECT_EQ(fields.size(), 3u) << line;
      if (fields.size() != 3) continue;
      if (path.empty()) first = std::stoll(fields[1]);
      last = std::stoll(fields[2]);
      EXPECT_LE(std::stoll(fields[1]), last) << line;
      path += (path.empty() ? "" : " -> ") + fields[0];
    }
    latencies[path].push_back(static_cast<double>(last - first) / 1000);
  }
  return latencies;
}

TEST(FlowLog, HoloHubsAnalyserComesToTheSameFigures) {
  const Scratch scratch;
  std::vector<PathStatistics> paths;
  {
    Graph graph;
    const auto seen = std::make_shared<test::Seen>();
    graph.add("source", std::make_unique<test::Source>(), {}, {.periodic = Periodic{1ms}, .count = 60});
    graph.add("one", std::make_unique<test::Add>());
    graph.add("two", std::make_unique<test::Add>());
    graph.add("sink", std::make_unique<test::Sink>(seen));
    for (const char* name : {"one", "two"}) {
      graph.connect("source", name);
      graph.connect(name, "sink", FlowOptions{8, WhenFull::block});
    }
    RunOptions options;
    options.threads = 2;
    options.track_flows = FlowTrackerOptions{.log = scratch / "flow.log"};
    PipelineRun run(std::move(graph), options);
    ASSERT_EQ(run.wait().ending, Ending::finished);
    paths = run.statistics().paths;
  }
  auto read = as_holohub_reads(scratch / "flow.log");
  ASSERT_EQ(read.size(), 2u);
  ASSERT_EQ(paths.size(), 2u);
  for (const PathStatistics& path : paths) {
    std::vector<double>& all = read.at(path.path);
    ASSERT_EQ(all.size(), 60u);
    const std::vector<double> counted(all.begin() + 10, all.end() - 10);  // as analyze.py and the tracker do
    EXPECT_EQ(path.latency.count(), counted.size());
    double sum = 0;
    for (const double latency : counted) sum += latency;
    EXPECT_NEAR(path.latency.mean_ns() / 1e6, sum / static_cast<double>(counted.size()), 0.002) << "whole microseconds";
    EXPECT_NEAR(static_cast<double>(path.latency.max_ns()) / 1e6, *std::max_element(counted.begin(), counted.end()),
                0.002);
  }
}

}  // namespace
}  // namespace sagittal::stream
