#pragma once
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

namespace sagittal::hub {

/// A log that an endless talker cannot fill the disk with: the file holds the first half of `max_bytes`, and once
/// `finish` was called the last half, with a line between that says how much was left out. One thread.
class RunLog {
 public:
  /// Opens the file anew, readable by its owner only. Error(io).
  RunLog(std::filesystem::path path, std::uint64_t max_bytes);
  /// Hands each line on and writes no file.
  explicit RunLog(std::function<void(std::string_view line)> relay);

  void add(std::string_view line);
  /// Writes what was kept of the end. Error(io) where the disk is full.
  void finish();

  /// The last lines, oldest first, joined by \n.
  std::string tail(std::size_t lines) const;

 private:
  const std::filesystem::path path_;
  const std::function<void(std::string_view)> relay_;
  const std::uint64_t half_;
  std::ofstream file_;
  std::uint64_t written_ = 0, left_out_ = 0, kept_ = 0;
  std::deque<std::string> last_;       ///< what is not in the file yet
  std::deque<std::string> last_said_;  ///< the newest lines, for `tail`
};

}  // namespace sagittal::hub
