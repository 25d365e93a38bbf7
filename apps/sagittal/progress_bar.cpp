#include "progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace sagittal {

ProgressBar::ProgressBar() : terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (terminal_ && percent_ >= 0) std::fputs("\r\033[K", stderr);
}

ProgressSink ProgressBar::sink() {
  return [this](const Progress& progress) { show(progress); };
}

void ProgressBar::show(const Progress& progress) {
  const int percent = static_cast<int>(std::clamp(progress.fraction, 0.0, 1.0) * 100);
  if (stage_ == progress.stage && percent_ == percent) return;
  const bool new_stage = stage_ != progress.stage;
  stage_ = progress.stage;
  percent_ = percent;
  if (!terminal_) {
    if (new_stage) std::fprintf(stderr, "%s\n", stage_.c_str());
    return;
  }
  constexpr int width = 30;
  const std::string bar(static_cast<std::size_t>(percent * width / 100), '#');
  std::fprintf(stderr, "\r\033[K%-12s [%-*s] %3d%%", stage_.c_str(), width, bar.c_str(), percent);
}

}  // namespace sagittal
