#include "hub/runners/run_log.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kTailLines = 50;

}  // namespace

RunLog::RunLog(std::filesystem::path path, std::uint64_t max_bytes)
    : path_(std::move(path)), half_(max_bytes / 2), file_(path_, std::ios::binary | std::ios::trunc) {
  std::error_code failure;
  std::filesystem::permissions(path_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write,
                               failure);
  if (!file_ || failure) throw Error(ErrorCode::io, fmt::format("{}: cannot be written", path_.string()));
}

RunLog::RunLog(std::function<void(std::string_view line)> relay) : relay_(std::move(relay)), half_(0) {}

void RunLog::add(std::string_view line) {
  last_said_.emplace_back(line);
  if (last_said_.size() > kTailLines) last_said_.pop_front();
  if (relay_) {
    relay_(line);
    return;
  }
  const std::uint64_t size = line.size() + 1;
  if (last_.empty() && written_ + size <= half_) {
    file_ << line << '\n' << std::flush;
    written_ += size;
    return;
  }
  last_.emplace_back(line);
  kept_ += size;
  while (kept_ > half_ && last_.size() > 1) {
    kept_ -= last_.front().size() + 1;
    left_out_ += last_.front().size() + 1;
    last_.pop_front();
  }
}

void RunLog::finish() {
  if (relay_) return;
  if (left_out_ > 0) file_ << fmt::format("… {} left out …\n", size_text(left_out_));
  for (const std::string& line : last_) file_ << line << '\n';
  last_.clear();
  left_out_ = kept_ = 0;
  file_.close();
  if (file_.fail()) throw Error(ErrorCode::io, fmt::format("{}: cannot be written to its end", path_.string()));
}

std::string RunLog::tail(std::size_t lines) const {
  std::string text;
  for (std::size_t n = last_said_.size() - std::min(lines, last_said_.size()); n < last_said_.size(); ++n) {
    text.append(text.empty() ? "" : "\n").append(last_said_[n]);
  }
  return text;
}

}  // namespace sagittal::hub
