#include "server/studies/saved_labels.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "server/studies/studies.h"

namespace sagittal::server {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNobody = "everybody";
constexpr std::size_t kLongestName = 120;
constexpr std::uint64_t kBlock = 4096;  // of a disk
constexpr std::chrono::seconds kCountAgain{5};
const std::string kDicom = ".dcm";  // beside the same result in another format

void make_private_folder(const fs::path& folder) {
  std::error_code failure;
  if (fs::is_directory(folder, failure)) return;
  make_private_folder(folder.parent_path());
  const bool made = fs::create_directory(folder, failure);
  if (made) fs::permissions(folder, fs::perms::owner_all, failure);
  if (failure) throw Error(ErrorCode::io, fmt::format("cannot make {}: {}", folder.string(), failure.message()));
}

std::uint64_t on_disk(std::uint64_t bytes) { return (bytes / kBlock + 1) * kBlock; }

std::uint64_t bytes_below(const fs::path& folder) {
  std::uint64_t sum = 0;
  std::error_code failure;
  const auto options = fs::directory_options::skip_permission_denied;
  for (auto it = fs::recursive_directory_iterator(folder, options, failure);
       !failure && it != fs::recursive_directory_iterator(); it.increment(failure)) {
    std::error_code gone;
    if (!it->is_regular_file(gone)) continue;
    const std::uintmax_t size = it->file_size(gone);
    if (!gone) sum += on_disk(size);
  }
  return sum;
}

}  // namespace

std::string file_name_of(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || (c == '.' && !name.empty());
    name += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  if (name.size() > kLongestName)
    name = fmt::format("{}~{}", name.substr(0, kLongestName - 20), study_id("name", text));
  return name.empty() ? "%" : name;
}

std::uint64_t SavedLabels::bytes() const {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (!counted_ || now - counted_at_ > kCountAgain) {
    counted_ = folder_.empty() ? 0 : bytes_below(folder_);
    counted_at_ = now;
  }
  return *counted_;
}

fs::path SavedLabels::place(const std::string& owner, const std::string& image) const {
  return folder_ / (owner.empty() ? kNobody : "user " + file_name_of(owner)) / file_name_of(image);
}

SavedLabels::Label SavedLabels::put(const std::string& owner, const std::string& image, const std::string& tag,
                                    const std::string& extension, ByteView bytes,
                                    const std::function<void(const fs::path&)>& check) {
  if (folder_.empty()) {
    throw Error(ErrorCode::unsupported,
                "this server has no data folder and keeps no labels: save the segmentation in the viewer");
  }
  if (make_room_) make_room_(on_disk(bytes.size()));
  const fs::path folder = place(owner, image);
  make_private_folder(folder);
  const std::string name = file_name_of(tag) + extension;
  const fs::path part = folder / fmt::format(".{}.{:x}.part", name, reinterpret_cast<std::uintptr_t>(&bytes));
  std::error_code ignored;
  try {
    write_file_atomically(part, bytes, 0600);
    if (check) check(part);
    fs::rename(part, folder / name);
    const std::lock_guard lock(mutex_);
    counted_.reset();
  } catch (const fs::filesystem_error& error) {
    fs::remove(part, ignored);
    throw Error(ErrorCode::io, error.what());
  } catch (...) {
    fs::remove(part, ignored);
    throw;
  }
  for (const Label& other : of(owner, image)) {  // the result before, in another format
    const bool stale = other.tag == file_name_of(tag) && other.extension != extension && extension != kDicom;
    if (stale) fs::remove(other.path, ignored);
  }
  return {file_name_of(tag), extension, folder / name};
}

std::vector<SavedLabels::Label> SavedLabels::of(const std::string& owner, const std::string& image) const {
  std::vector<Label> labels;
  if (folder_.empty()) return labels;
  std::error_code failure;
  for (auto it = fs::directory_iterator(place(owner, image), failure); !failure && it != fs::directory_iterator();
       it.increment(failure)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with(".")) continue;
    std::size_t dot = std::string::npos;
    for (const char* extension : {".seg.nrrd", ".nii.gz", ".nrrd", ".nii", ".mha", ".dcm"}) {
      if (dot == std::string::npos && name.ends_with(extension)) dot = name.size() - std::string(extension).size();
    }
    if (dot != std::string::npos) labels.push_back({name.substr(0, dot), name.substr(dot), it->path()});
  }
  std::sort(labels.begin(), labels.end(), [](const Label& a, const Label& b) {
    return std::pair(a.tag, a.extension) < std::pair(b.tag, b.extension);
  });
  return labels;
}

}  // namespace sagittal::server
