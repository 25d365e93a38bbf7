#include "hub/image/image_store.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "hub/catalogue.h"
#include "hub/image/registry.h"
#include "hub/image/registry_login.h"
#include "store/folder_lock.h"

namespace sagittal::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNote = "image.json";
constexpr const char* kRoot = "rootfs";

std::string hex_of(const std::string& digest) { return digest.substr(digest.find(':') + 1); }

/// `control`, whose fractions are a part of a whole.
RunControl part_of(const RunControl& control, double begin, double share) {
  return {.sink = [&control, begin, share](
                      const Progress& progress) { control.report(progress.stage, begin + share * progress.fraction); },
          .cancel = control.cancel};
}

/// Where an image is put together; its name begins with a dot, so that nobody takes it for one.
class Workshop {
 public:
  Workshop(fs::path folder, const UnpackLimits& limits, const RunControl& control)
      : folder_(std::move(folder)), limits_(limits), control_(control) {}

  void fetch(Registry& registry, const ImageManifest& manifest) const {
    const double total = static_cast<double>(std::max<std::uint64_t>(manifest.bytes(), 1));
    std::uint64_t before = 0;
    for (const Blob& layer : manifest.layers) {
      const double size = static_cast<double>(layer.bytes);
      const RunControl part = part_of(control_, static_cast<double>(before) / total, size / total);
      if (!fs::exists(file_of(layer))) registry.fetch(layer, file_of(layer), part);
      before += layer.bytes;
    }
  }

  std::uint64_t unpack(const ImageManifest& manifest) const {
    fs::remove_all(folder_ / kRoot);
    fs::create_directory(folder_ / kRoot);
    UnpackLimits left = limits_;
    const double share = 1.0 / static_cast<double>(std::max<std::size_t>(manifest.layers.size(), 1));
    for (std::size_t n = 0; n < manifest.layers.size(); ++n) {
      const RunControl part = part_of(control_, static_cast<double>(n) * share, share);
      const UnpackedLayer done = unpack_layer(file_of(manifest.layers[n]), folder_ / kRoot, left, part);
      left.max_files -= std::min(left.max_files, done.files);
      left.max_bytes -= std::min(left.max_bytes, done.bytes);
    }
    for (const Blob& layer : manifest.layers) fs::remove(file_of(layer));
    return limits_.max_bytes - left.max_bytes;
  }

 private:
  fs::path file_of(const Blob& layer) const { return folder_ / (hex_of(layer.digest) + ".layer"); }

  const fs::path folder_;
  const UnpackLimits limits_;
  const RunControl& control_;
};

void move_folder(const fs::path& from, const fs::path& to) {
  std::error_code failure;
  fs::rename(from, to, failure);
  if (failure) throw Error(ErrorCode::io, fmt::format("cannot make {}: {}", to.string(), failure.message()));
}

}  // namespace

fs::path ImageStore::folder_of(const std::string& digest) const { return folder_ / hex_of(digest); }

std::optional<StoredImage> ImageStore::read(const fs::path& folder) const {
  constexpr std::size_t most = std::size_t{16} << 20;
  std::error_code ignored;
  if (!fs::is_directory(folder / kRoot, ignored)) return std::nullopt;
  try {
    const Bytes text = read_file(folder / kNote, most);
    const Json json = parse_json(as_text(text), kNote);
    return StoredImage{.reference = json_get<std::string>(json, "reference", kNote),
                       .digest = json_get<std::string>(json, "digest", kNote),
                       .root = folder / kRoot,
                       .config = image_config_from(json_get<Json>(json, "config", kNote)),
                       .bytes = json_get<std::uint64_t>(json, "bytes", kNote),
                       .pulled = json_get<std::string>(json, "pulled", kNote)};
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::optional<StoredImage> ImageStore::find(const ImageReference& reference) const {
  if (!reference.digest.empty()) return read(folder_of(reference.digest));
  const std::string name = to_string(reference);
  for (StoredImage& image : list()) {
    if (image.reference == name) return std::move(image);
  }
  return std::nullopt;
}

std::vector<StoredImage> ImageStore::list() const {
  std::vector<StoredImage> out;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(folder_, failure)) {
    if (entry.path().filename().string().starts_with('.')) continue;
    if (auto image = read(entry.path())) out.push_back(std::move(*image));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.pulled > b.pulled; });
  return out;
}

StoredImage ImageStore::pull(const ImageReference& reference, const RunControl& control) const {
  Registry registry(reference, read_registry_login(login_file_, reference.registry));
  const Registry::Resolved resolved = registry.resolve(control);
  const fs::path folder = folder_of(resolved.digest);
  const std::string name = to_string(reference);
  if (auto here = read(folder); here && here->reference == name) return std::move(*here);
  try {
    fs::create_directories(folder_);
    const fs::path work = folder_ / (".pull-" + hex_of(resolved.digest));
    {
      const durable::FolderLock lock(work);
      const ImageConfig config = registry.config(resolved.manifest, control);
      Json note{{"reference", name}, {"digest", resolved.digest}, {"config", to_json(config)}, {"pulled", utc_now()}};
      if (const auto here = read(folder)) {  // under another name: the same bytes
        note["bytes"] = here->bytes;
        write_file_atomically(folder / kNote, as_bytes(note.dump(2) + "\n"));
      } else {
        const Workshop workshop(work, limits_, control);
        workshop.fetch(registry, resolved.manifest);
        note["bytes"] = workshop.unpack(resolved.manifest);
        fs::create_directories(work / "image");
        move_folder(work / kRoot, work / "image" / kRoot);
        write_file_atomically(work / "image" / kNote, as_bytes(note.dump(2) + "\n"));
        move_folder(work / "image", folder);
      }
    }
    fs::remove_all(work);
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io, error.what());
  }
  auto image = read(folder);
  if (!image) throw Error(ErrorCode::internal, "an image that was just pulled cannot be read");
  return std::move(*image);
}

std::uint64_t ImageStore::remove(const std::string& digest) const {
  const auto image = is_image_digest(digest) ? read(folder_of(digest)) : std::nullopt;
  if (!image) throw Error(ErrorCode::not_found, fmt::format("there is no image {}", digest));
  const fs::path folder = folder_of(digest);
  const fs::path going = folder_ / (".gone-" + hex_of(digest));
  try {
    fs::remove_all(going);
    move_folder(folder, going);
    fs::remove_all(going);
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io, error.what());
  }
  return image->bytes;
}

}  // namespace sagittal::hub
