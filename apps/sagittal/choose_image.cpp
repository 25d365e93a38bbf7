#include "choose_image.h"

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/machine.h"
#include "base/text.h"

namespace sagittal {
namespace {

/// Asks until a number in [0, count) is typed; Error(wrong_usage) at the end of input.
std::int64_t ask_number(const std::string& question, std::int64_t count) {
  while (true) {
    fmt::print(stderr, "{} (0 to {}): ", question, count - 1);
    std::string line;
    if (!std::getline(std::cin, line)) throw Error(ErrorCode::wrong_usage, "nothing was chosen");
    const std::int64_t number = parse_number<std::int64_t>(line).value_or(-1);
    if (number >= 0 && number < count) return number;
  }
}

std::string ask_series(const std::vector<io::SeriesInfo>& series) {
  for (std::size_t i = 0; i < series.size(); ++i) {
    fmt::print(stderr, "{:3}  {} {:5} images  {}  {}\n", i, series[i].modality, series[i].images, series[i].description,
               series[i].uid);
  }
  return series[static_cast<std::size_t>(ask_number("Which series?", static_cast<std::int64_t>(series.size())))].uid;
}

bool can_ask() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

}  // namespace

io::ReadOptions ask_what_is_open(const std::filesystem::path& path, io::ReadOptions options) {
  if (!can_ask()) return options;
  io::ImageInfo info = io::describe_image(path, options);
  if (info.series.size() > 1 && options.series_uid.empty()) {
    options.series_uid = ask_series(info.series);
    info = io::describe_image(path, options);
  }
  if (info.frames > 1 && !options.frame) options.frame = ask_number("Which frame?", info.frames);
  return options;
}

Volume read_chosen_image(const std::filesystem::path& path, io::ReadOptions options) {
  options.log = [](LogLevel, std::string_view message) { fmt::print(stderr, "sagittal: {}\n", message); };
  options = ask_what_is_open(path, std::move(options));
  ThreadPool pool(available_cores());
  options.pool = &pool;
  try {
    return io::read_image(path, options);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::wrong_usage) throw;
    throw Error(ErrorCode::wrong_usage, fmt::format("{}\n--series UID or --frame N chooses one", error.what()));
  }
}

}  // namespace sagittal
