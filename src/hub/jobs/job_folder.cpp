#include "hub/jobs/job_folder.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/random.h"
#include "base/text.h"

namespace sagittal::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostJsonBytes = std::size_t{16} << 20;

std::string text_of(const fs::path& file) { return std::string(as_text(read_file(file, kMostJsonBytes))); }

void remove_quietly(const fs::path& path) noexcept {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

/// Every regular file below, links not followed, with its path from there.
template <class F>
void for_each_file(const fs::path& folder, F&& f) {
  std::error_code failure;
  fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, failure);
  for (; !failure && at != fs::recursive_directory_iterator(); at.increment(failure)) {
    std::error_code gone;
    if (at->symlink_status(gone).type() == fs::file_type::regular) f(at->path(), at->path().lexically_relative(folder));
  }
}

}  // namespace

JobRequest read_request(const fs::path& folder) {
  return parse_request(text_of(folder / "request.json"), "request.json");
}

std::optional<WorkEnd> read_end(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::exists(folder / "record.json", ignored)) return std::nullopt;
  return parse_end(text_of(folder / "record.json"), "record.json");
}

void write_end(const fs::path& folder, const WorkEnd& end) {
  const std::string text = end_json(end).dump(1, ' ', false, Json::error_handler_t::replace);
  write_file_atomically(folder / "record.json", as_bytes(text), 0600);
}

void remove_staged(const fs::path& folder) noexcept {
  remove_quietly(folder / "in");
  remove_quietly(folder / "given");
}

void remove_outputs(const fs::path& folder) noexcept { remove_quietly(folder / "out"); }

std::uint64_t bytes_below(const fs::path& folder) {
  std::uint64_t bytes = 0;
  for_each_file(folder, [&](const fs::path& file, const fs::path&) {
    std::error_code gone;
    const auto size = fs::file_size(file, gone);
    if (!gone) bytes += size;
  });
  return bytes;
}

fs::path output_file(const fs::path& folder, const std::string& path) {
  const auto none = [&] { return Error(ErrorCode::not_found, fmt::format("no output \"{}\"", path.substr(0, 200))); };
  if (!is_path_below(path)) throw none();
  fs::path at = folder / "out";
  for (const std::string_view part : split(path, '/')) {
    std::error_code gone;
    if (fs::symlink_status(at, gone).type() != fs::file_type::directory) throw none();
    at /= part;
  }
  std::error_code gone;
  if (fs::symlink_status(at, gone).type() != fs::file_type::regular) throw none();
  return at;
}

void copy_outputs(const fs::path& folder, const fs::path& target) {
  std::error_code failure;
  if (fs::exists(target, failure))
    throw Error(ErrorCode::conflict, fmt::format("{} is there already", target.string()));
  const fs::path parent = fs::absolute(target).parent_path();
  fs::create_directories(parent, failure);
  const fs::path beside = parent / fmt::format(".{}.{}.tmp", target.filename().string(), random_hex(32));
  try {
    fs::create_directories(beside);
    for_each_file(folder / "out", [&](const fs::path& file, const fs::path& relative) {
      fs::create_directories((beside / relative).parent_path());
      fs::copy_file(file, beside / relative);
    });
    fs::rename(beside, fs::absolute(target));
  } catch (const fs::filesystem_error& error) {
    remove_quietly(beside);
    throw Error(ErrorCode::io, fmt::format("cannot write {}: {}", target.string(), error.code().message()));
  }
}

}  // namespace sagittal::hub
