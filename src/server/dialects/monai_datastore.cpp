#include "server/dialects/monai_datastore.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "io/dicom_seg.h"
#include "io/segmentation_io.h"

namespace sagittal::server {
namespace {

constexpr const char* kFinal = "final";
constexpr const char* kAlgorithm = "Sagittal";
constexpr std::size_t kMaxLabelBytes = std::size_t{4} << 30;

std::string tag_or_final(const std::string& tag) { return tag.empty() ? kFinal : tag; }

std::string extension_of(const std::string& filename) {
  constexpr std::array<const char*, 6> known{".seg.nrrd", ".nrrd", ".nii.gz", ".nii", ".mha", ".dcm"};
  for (const char* extension : known) {
    if (filename.ends_with(extension)) return extension;
  }
  throw Error(ErrorCode::unsupported, fmt::format("a label file named \"{}\", expected .nrrd, .nii.gz, .nii or .mha",
                                                  printable(filename.substr(0, 100))));
}

/// OHIF's form: a value of 8 or 16 bits for each voxel of the scan, x fastest.
Volume bare_labels(ByteView bytes, const Geometry& grid) {
  const auto voxels = static_cast<std::size_t>(grid.voxel_count());
  if (bytes.size() != voxels && bytes.size() != 2 * voxels) {
    throw Error(ErrorCode::bad_input, fmt::format("the label has {} bytes, expected {} or twice as many, one for each "
                                                  "voxel of the scan",
                                                  bytes.size(), voxels));
  }
  Buffer values(bytes.size());
  std::copy(bytes.begin(), bytes.end(), values.as<std::uint8_t>().begin());
  return Volume(grid, bytes.size() == voxels ? ScalarType::u8 : ScalarType::u16, std::move(values));
}

/// {"label_info":[{"name","idx"},...]}: an entry says its value, or its place does.
void name_segments(io::Segmentation& segmentation, const Json& params) {
  const auto info = params.find("label_info");
  if (info == params.end() || !info->is_array()) return;
  for (io::Segment& segment : segmentation.segments) {
    std::string name;
    for (std::size_t n = 0; n < info->size(); ++n) {
      const Json& entry = (*info)[n];
      const auto value = json_get_or<std::int64_t>(entry, "idx", "label_info", static_cast<std::int64_t>(n) + 1);
      if (value == segment.number) name = json_get_or<std::string>(entry, "name", "label_info", "");
    }
    if (!name.empty()) io::name_segment(segment, name.substr(0, 64));
  }
}

Bytes segmentation_of(io::Segmentation segmentation, const io::DicomSource& source) {
  for (io::Segment& segment : segmentation.segments) {
    segment.algorithm_type = io::AlgorithmType::semiautomatic;
    segment.algorithm_name = kAlgorithm;
  }
  return io::write_dicom_seg(io::placed_on(segmentation, source));
}

bool holds_voxels(const io::Segmentation& segmentation) {
  return std::any_of(segmentation.segments.begin(), segmentation.segments.end(),
                     [](const io::Segment& segment) { return !segment.mask.bounds_ijk.empty(); });
}

http::Response file_response(std::string_view type, const std::string& name, Bytes bytes) {
  http::Response response = http::make_response(200, type, std::move(bytes));
  response.headers.push_back({"Content-Disposition", fmt::format("attachment; filename=\"{}\"", name)});
  return response;
}

}  // namespace

Json MonaiDatastore::objects(const std::string& owner, const std::vector<std::string>& uploaded) const {
  Json objects = Json::object();
  const auto add = [&](const std::string& image, const Json& info) {
    Json labels = Json::object();
    for (const SavedLabels::Label& label : labels_.of(owner, image)) {
      labels[label.tag] = {{"ext", label.extension}, {"info", Json::object()}};
    }
    objects[image] = {{"image", {{"ext", ".nrrd"}, {"info", info}}}, {"labels", std::move(labels)}};
  };
  for (const Study& study : studies_.list().studies) {
    add(study.reference(), {{"name", study.name}, {"Modality", study.modality}, {"detail", study.detail}});
  }
  for (const std::string& image : uploaded) add(image, Json::object());
  return {{"name", "Sagittal"}, {"description", ""}, {"objects", std::move(objects)}};
}

Json MonaiDatastore::status(const std::string& owner, const std::vector<std::string>& uploaded) const {
  const Json all = objects(owner, uploaded);
  std::size_t completed = 0;
  Json tags = Json::object();
  for (const Json& object : all.at("objects")) {
    completed += object.at("labels").contains(kFinal);
    for (const auto& [tag, label] : object.at("labels").items()) tags[tag] = tags.value(tag, 0) + 1;
  }
  return {{"total", all.at("objects").size()}, {"completed", completed}, {"label_tags", std::move(tags)}};
}

Json MonaiDatastore::next_sample(const std::string& owner) const {
  for (const Study& study : studies_.list().studies) {
    const auto labels = labels_.of(owner, study.reference());
    const bool done = std::any_of(labels.begin(), labels.end(), [](const auto& label) { return label.tag == kFinal; });
    if (done) continue;
    Json sample = {{"id", study.reference()}, {"name", file_name_of(study.name) + ".nrrd"}};
    if (!study.series_uid.empty()) sample["SeriesInstanceUID"] = study.series_uid;
    if (!study.study_uid.empty()) sample["StudyInstanceUID"] = study.study_uid;
    return sample;
  }
  return Json::object();
}

http::Response MonaiDatastore::image(const std::string& image) const {
  const LoadedStudy loaded = load(image);
  return file_response("application/octet-stream", file_name_of(loaded.study.name) + ".nrrd",
                       io::encode_image(loaded.image, "nrrd", false));
}

Json MonaiDatastore::put_label(const std::string& owner, const std::string& image, const std::string& tag,
                               const http::Part& file, const Json& params) const {
  const std::string kept_as = tag_or_final(tag);
  const bool bare = file.filename.ends_with(".bin");
  const auto study = studies_.find(image);
  std::optional<LoadedStudy> loaded;
  if (study && (bare || !study->series_uid.empty())) loaded = load(image);
  if (bare && !loaded) {
    throw Error(ErrorCode::not_found, fmt::format("this server offers no scan {} that these labels could belong to",
                                                  printable(image.substr(0, 200))));
  }
  Bytes dicom_seg;
  const auto check = [&](const std::filesystem::path& path) {
    io::ReadOptions options = read_;
    options.max_bytes = std::min<std::uint64_t>(options.max_bytes, kMaxLabelBytes);
    io::Segmentation segmentation = io::read_segmentation(path, options);
    name_segments(segmentation, params);
    if (loaded && loaded->dicom && holds_voxels(segmentation))
      dicom_seg = segmentation_of(segmentation, *loaded->dicom);
  };
  if (bare) {
    const Bytes nrrd = io::encode_image(bare_labels(file.content, loaded->image.geometry()), "nrrd");
    labels_.put(owner, image, kept_as, ".nrrd", nrrd, check);
  } else {
    labels_.put(owner, image, kept_as, extension_of(file.filename), file.content, check);
  }
  if (!dicom_seg.empty()) {
    labels_.put(owner, image, kept_as, ".dcm", dicom_seg);
    try {
      studies_.put_segmentation(image, dicom_seg, cancel_);
    } catch (Error& error) {
      throw error.within("the label is kept here, but the archive did not take it");
    }
  }
  return {{"image", image}, {"label", image}};
}

http::Response MonaiDatastore::label(const std::string& owner, const std::string& image, const std::string& tag) const {
  const std::string wanted = file_name_of(tag_or_final(tag));
  for (const SavedLabels::Label& label : labels_.of(owner, image)) {
    if (label.tag != wanted || label.extension == ".dcm") continue;
    return file_response("application/octet-stream", label.tag + label.extension,
                         read_file(label.path, kMaxLabelBytes));
  }
  throw Error(ErrorCode::not_found, fmt::format("no label {} of this image was handed in", wanted));
}

Bytes MonaiDatastore::dicom_seg(const std::string& image, const Volume& mask, const std::string& label) const {
  const LoadedStudy loaded = load(image);
  if (!loaded.dicom) {
    throw Error(ErrorCode::unsupported, "output=dicom_seg needs a scan of a DICOM series; ask for output=image");
  }
  io::Segmentation segmentation = io::segments_of_labels(mask);
  if (segmentation.segments.empty()) {
    throw Error(ErrorCode::unsupported, "the segment is empty, which a DICOM SEG cannot say");
  }
  if (!label.empty()) io::name_segment(segmentation.segments[0], label.substr(0, 64));
  return segmentation_of(std::move(segmentation), *loaded.dicom);
}

}  // namespace sagittal::server
