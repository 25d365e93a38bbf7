#include "server/api/job_inputs.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/zip.h"
#include "io/image_io.h"
#include "io/unzip.h"
#include "server/api/forms.h"

namespace sagittal::server {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWhat = "request";
constexpr std::size_t kMostInputs = 16;
constexpr std::size_t kMostFiles = 100'000;

void make_folder(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) throw Error(ErrorCode::io, fmt::format("cannot make {}: {}", folder.string(), failure.message()));
}

/// The ending that programs expect of that format.
std::string ending_of(const std::string& format, ByteView bytes) {
  const bool gzipped = bytes.size() > 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
  if (format.starts_with("NIfTI")) return gzipped ? ".nii.gz" : ".nii";
  if (format == "NRRD") return ".nrrd";
  if (format == "MetaImage") return ".mha";
  if (format == "NumPy") return ".npy";
  return ".dcm";
}

/// Files by number: names of an archive are nobody's business.
void unpack(ByteView bytes, const fs::path& folder, std::uint64_t max_bytes) {
  const ZipArchive archive(bytes, "the volume");
  if (archive.entries().size() > kMostFiles) throw Error(ErrorCode::too_large, "the volume: more than 100000 files");
  make_folder(folder);
  std::uint64_t left = max_bytes;
  std::size_t number = 0;
  for (const auto& [name, entry] : archive.entries()) {
    if (name.ends_with('/')) continue;
    const Buffer file = io::unzip(archive, name, left, "the volume");
    left -= file.size();
    write_file_atomically(folder / fmt::format("{:06}.dcm", number++), file.as<const std::uint8_t>(), 0600);
  }
}

}  // namespace

JobInputs::JobInputs(const JobServices& services, const http::Request& request, const Json& body)
    : services_(services), owner_(request.owner) {
  const auto list = json_get<std::vector<Json>>(body, "inputs", kWhat);
  if (list.empty() || list.size() > kMostInputs)
    throw Error(ErrorCode::bad_input, fmt::format("\"inputs\": expected 1 to {}, found {}", kMostInputs, list.size()));
  for (const Json& input : list) {
    One one{json_get_or<std::string>(input, "role", kWhat, ""), json_get_or<std::string>(input, "volume", kWhat, ""),
            json_get_or<std::string>(input, "series", kWhat, ""), "", ""};
    if (!one.volume.empty()) {
      one.description = services.volumes.info(owner_, one.volume).name;
    } else {
      const auto study = one.series.empty() ? std::nullopt : services.studies.find(one.series);
      if (!study) throw Error(ErrorCode::not_found, "\"inputs\": each names a volume, or a series of this server");
      one.study = study->id;
      one.series.clear();
      one.description = study->name;
    }
    inputs_.push_back(std::move(one));
  }
}

std::vector<hub::JobInputText> JobInputs::texts() const {
  std::vector<hub::JobInputText> texts;
  for (const One& one : inputs_)
    texts.push_back({one.role, one.description, one.volume, one.volume.empty() ? one.study : one.series});
  return texts;
}

std::vector<hub::JobInput> JobInputs::placeholders() const {
  std::vector<hub::JobInput> inputs;
  for (const One& one : inputs_) inputs.push_back({one.role, "/given", one.series});
  return inputs;
}

fs::path JobInputs::write_one(const One& one, const fs::path& place) const {
  const auto with = [&](const std::string& ending) { return fs::path(place.string() + ending); };
  if (!one.volume.empty()) {
    const OpenVolume volume = services_.volumes.open(owner_, one.volume);
    if (io::looks_zipped(volume.bytes)) {
      unpack(volume.bytes, place, services_.volumes.limits().max_file_bytes);
      return place;
    }
    const fs::path file = with(ending_of(volume.info.format, volume.bytes));
    write_file_atomically(file, volume.bytes, 0600);
    return file;
  }
  const LoadedStudy study = services_.studies.load(one.study, services_.volumes.read_options(), services_.stop);
  if (study.files.empty()) {
    write_file_atomically(with(".nrrd"), io::encode_image(study.image, "nrrd", false), 0600);
    return with(".nrrd");
  }
  make_folder(place);
  for (std::size_t n = 0; n < study.files.size(); ++n) {
    const Bytes file = read_file(study.files[n], services_.volumes.limits().max_file_bytes);
    write_file_atomically(place / fmt::format("{:06}.dcm", n), file, 0600);
  }
  return place;
}

void JobInputs::write(const fs::path& folder, hub::JobRequest& request) const {
  make_folder(folder / "given");
  for (std::size_t n = 0; n < inputs_.size(); ++n) {
    request.inputs.at(n).path = write_one(inputs_[n], folder / "given" / fmt::format("{}", n));
  }
}

}  // namespace sagittal::server
