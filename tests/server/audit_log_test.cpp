#include "server/access/audit_log.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/bytes.h"
#include "base/json.h"
#include "expect_error.h"
#include "scratch.h"

namespace sagittal::server {
namespace {

class AuditLogTest : public testing::Test {
 protected:
  http::Exchange exchange() const {
    http::Exchange exchange;
    exchange.method = "GET";
    exchange.route = &route_;
    exchange.status = 200;
    exchange.owner = "alice";
    exchange.address = "192.0.2.1";
    exchange.seconds = 0.12345678;
    exchange.bytes_in = 3;
    exchange.bytes_out = 5;
    return exchange;
  }
  std::string text(const std::filesystem::path& path) const { return std::string(as_text(read_file(path, 1 << 20))); }

  http::Route route_{.method = "GET", .path = "/process_point_interaction/{id}"};
  Scratch scratch_;
  std::filesystem::path path_ = scratch_ / "audit.jsonl";
};

TEST_F(AuditLogTest, ALineSaysWhoWhenWhatAndHowMuch) {
  const std::string line =
      format_audit_line(exchange(), std::chrono::system_clock::time_point(std::chrono::milliseconds(1500)));
  const Json json = parse_json(line, "line");
  EXPECT_EQ(json["time"], "1970-01-01T00:00:01.500Z");
  EXPECT_EQ(json["owner"], "alice");
  EXPECT_EQ(json["address"], "192.0.2.1");
  EXPECT_EQ(json["route"], "/process_point_interaction/{id}") << "the table's, not what the client sent";
  EXPECT_EQ(json["status"], 200);
  EXPECT_EQ(json["bytes_in"], 3);
  EXPECT_EQ(json["bytes_out"], 5);
  EXPECT_NEAR(json["seconds"].get<double>(), 0.1235, 1e-9);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST_F(AuditLogTest, ARequestForNothingKeepsItsMethodToItself) {
  http::Exchange nothing = exchange();
  nothing.route = nullptr;
  nothing.method = "PATIENT\"NAME";
  EXPECT_EQ(format_audit_line(nothing, {}).find("PATIENT"), std::string::npos);
}

TEST_F(AuditLogTest, TheFileGrowsAndIsItsOwnersAlone) {
  for (int i = 0; i < 2; ++i) AuditLog(path_, {}).record(exchange());
  const std::string lines = text(path_);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

TEST_F(AuditLogTest, HealthChecksAreLeftOut) {
  AuditLog log(path_, {});
  route_.open = true;
  log.record(exchange());
  EXPECT_EQ(text(path_), "");
}

TEST_F(AuditLogTest, AfterARotationItGoesOnInANewFile) {
  AuditLog log(path_, {});
  log.record(exchange());
  std::filesystem::rename(path_, scratch_ / "audit.1");
  log.reopen();
  log.record(exchange());
  log.record(exchange());
  const std::string old_lines = text(scratch_ / "audit.1"), new_lines = text(path_);
  EXPECT_EQ(std::count(old_lines.begin(), old_lines.end(), '\n'), 1);
  EXPECT_EQ(std::count(new_lines.begin(), new_lines.end(), '\n'), 2);
}

TEST_F(AuditLogTest, AFileThatCannotBeOpenedIsAnError) {
  EXPECT_ERROR(AuditLog(scratch_ / "none" / "audit", {}), ErrorCode::io);
}

}  // namespace
}  // namespace sagittal::server
