#include "server/access/audit_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"

namespace sagittal::server {

std::string format_audit_line(const http::Exchange& exchange, std::chrono::system_clock::time_point now) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now - seconds).count();
  const std::time_t time = std::chrono::system_clock::to_time_t(seconds);
  const Json line{{"time", fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(time), milliseconds)},
                  {"owner", exchange.owner.empty() ? Json() : Json(exchange.owner)},
                  {"address", exchange.address},
                  {"method", exchange.route ? Json(exchange.route->method) : Json()},
                  {"route", exchange.route ? Json(exchange.route->path) : Json()},
                  {"status", exchange.status},
                  {"denied", exchange.denied},
                  {"bytes_in", exchange.bytes_in},
                  {"bytes_out", exchange.bytes_out},
                  {"seconds", std::round(exchange.seconds * 1e4) / 1e4}};
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

AuditLog::AuditLog(std::filesystem::path path, LogSink log)
    : path_(std::move(path)), log_(std::move(log)), file_(open()) {}

AuditLog::~AuditLog() { ::close(file_); }

int AuditLog::open() const {
  const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file >= 0) return file;
  throw Error(ErrorCode::io,
              fmt::format("{}: the audit log cannot be opened: {}", path_.string(), std::strerror(errno)));
}

void AuditLog::reopen() {
  const int fresh = open();
  const std::lock_guard lock(mutex_);
  ::close(std::exchange(file_, fresh));
}

void AuditLog::record(const http::Exchange& exchange) {
  if (exchange.route != nullptr && exchange.route->open && exchange.status == 200) return;
  const std::string line = format_audit_line(exchange, std::chrono::system_clock::now());
  const std::lock_guard lock(mutex_);
  const bool wrote = ::write(file_, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (!wrote && !failed_ && log_) {
    log_(LogLevel::error, fmt::format("{}: the audit log cannot be written: {}", path_.string(), std::strerror(errno)));
  }
  failed_ = !wrote;
}

}  // namespace sagittal::server
