#include "server/state/metrics.h"

#include <gmock/gmock.h>

namespace sagittal::server {
namespace {

using testing::HasSubstr;

TEST(Metrics, CountersAddUpByLabels) {
  Metrics metrics;
  metrics.describe("hits_total", "Hits.");
  metrics.add("hits_total", {{"route", "/a"}});
  metrics.add("hits_total", {{"route", "/a"}}, 2);
  metrics.add("hits_total", {{"route", "/b"}});
  EXPECT_EQ(
      metrics.text(),
      "# HELP hits_total Hits.\n# TYPE hits_total counter\nhits_total{route=\"/a\"} 3\nhits_total{route=\"/b\"} 1\n");
}

TEST(Metrics, HistogramBucketsAreCumulative) {
  Metrics metrics;
  metrics.observe_seconds("t", {}, 0.01);
  metrics.observe_seconds("t", {}, 3);
  metrics.observe_seconds("t", {}, 1000);
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("# TYPE t histogram\n"));
  EXPECT_THAT(text, HasSubstr("t_bucket{le=\"0.005\"} 0\nt_bucket{le=\"0.02\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("t_bucket{le=\"2.5\"} 1\nt_bucket{le=\"5\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("t_bucket{le=\"60\"} 2\nt_bucket{le=\"+Inf\"} 3\nt_sum 1003.01\nt_count 3\n"));
}

TEST(Metrics, GaugesAreAskedAtEachScrape) {
  Metrics metrics;
  double value = 1;
  metrics.gauge("sessions", {}, [&] { return value; });
  EXPECT_THAT(metrics.text(), HasSubstr("sessions 1\n"));
  value = 2;
  EXPECT_THAT(metrics.text(), HasSubstr("sessions 2\n"));
}

TEST(Metrics, LabelValuesAreEscaped) {
  Metrics metrics;
  metrics.add("x", {{"a", "q\"b\\s\nn"}});
  EXPECT_THAT(metrics.text(), HasSubstr("x{a=\"q\\\"b\\\\s\\nn\"} 1\n"));
}

}  // namespace
}  // namespace sagittal::server
