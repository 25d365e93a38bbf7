#include "hub/image/unpacked_image_runner.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "base/error.h"
#include "hub/image/rooted_folder.h"

namespace sagittal::hub {
namespace {

bool is_folder(const std::string& image) {
  std::error_code ignored;
  return image.find('/') != std::string::npos && std::filesystem::is_directory(image, ignored);
}

/// What the image's maker wants, where the job does not say otherwise.
SandboxJob completed(const SandboxJob& job, const StoredImage& image) {
  SandboxJob out = job;
  out.image = image.root.string();
  const auto& more = job.arguments.empty() ? image.config.command : job.arguments;
  out.arguments = image.config.entry_point;
  out.arguments.insert(out.arguments.end(), more.begin(), more.end());
  out.environment = image.config.environment;
  out.environment.insert(out.environment.end(), job.environment.begin(), job.environment.end());
  if (job.folder.empty()) {
    std::string folder = (std::filesystem::path("/") / image.config.folder).lexically_normal().string();
    if (folder.ends_with('/')) folder.pop_back();
    out.folder = folder;
  }
  return out;
}

/// Where the sandbox mounts something, there must be something: the image itself cannot be written.
void make_mount_points(const SandboxJob& job) {
  RootedFolder root(job.image);
  const auto make = [&](std::string_view inside, bool is_folder) {
    root.make_if_absent(inside.substr(std::min(inside.size(), inside.find_first_not_of('/'))), is_folder);
  };
  for (const char* folder : {"proc", "dev"}) make(folder, true);
  for (const std::string& folder : job.scratch) make(folder, true);
  for (const Mount& mount : job.mounts) make(mount.inside, std::filesystem::is_directory(mount.host));
}

}  // namespace

std::string UnpackedImageRunner::pin(const std::string& image, const RunControl& control) const {
  if (is_folder(image)) return inner_->pin(image, control);
  ImageReference reference = parse_image_reference(image);
  const auto here = store_.find(reference);
  reference.digest = here ? here->digest : store_.pull(reference, control).digest;
  reference.tag.clear();
  return to_string(reference);
}

RunEnd UnpackedImageRunner::run(const SandboxJob& job, RunLog& log, const RunControl& control) const {
  if (is_folder(job.image)) return inner_->run(job, log, control);
  const auto image = store_.find(parse_image_reference(job.image));
  if (!image) throw Error(ErrorCode::not_found, fmt::format("the image {} is not here; pull it first", job.image));
  const SandboxJob whole = completed(job, *image);
  check(whole);
  make_mount_points(whole);
  return inner_->run(whole, log, control);
}

}  // namespace sagittal::hub
