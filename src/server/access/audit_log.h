#pragma once
#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>

#include "base/log.h"
#include "server/http/listener.h"

namespace sagittal::server {

/// One line of JSON: time, owner, address, method, route, status, bytes, seconds. The route is that of the interface's
/// table: no path, query, name or id that a client chose, so nothing about a patient. Ends with a line break.
std::string format_audit_line(const http::Exchange& exchange, std::chrono::system_clock::time_point now);

/// A file that such lines are appended to; only its owner may read it. Any thread.
class AuditLog {
 public:
  /// Throws Error(io) where the file cannot be opened. `log` hears once when a line cannot be written.
  AuditLog(std::filesystem::path path, LogSink log);
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;
  ~AuditLog();

  /// Every request but those for open routes that were answered.
  void record(const http::Exchange& exchange);
  /// After a rotation: goes on in a new file of the same name. Throws Error(io), and the former file stays in use.
  void reopen();

 private:
  int open() const;

  const std::filesystem::path path_;
  const LogSink log_;
  std::mutex mutex_;
  int file_;             // guarded by mutex_
  bool failed_ = false;  // guarded by mutex_
};

}  // namespace sagittal::server
