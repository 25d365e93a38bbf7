#include "hub/io/staging.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/io/host_workflow.h"
#include "hub/io/input_choice.h"
#include "hub/plain_text.h"
#include "io/dicom_series.h"
#include "io/image_io.h"
#include "net/sha256.h"

namespace sagittal::hub {
namespace {

using Kind = NeededInput::Kind;

constexpr std::size_t kMaxSideFile = std::size_t{256} << 20;

[[noreturn]] void refuse(const DicomObjects& series, std::string_view why) {
  throw Error(ErrorCode::bad_input,
              fmt::format("the {} series {} cannot be used: {}", series.modality, series.uid, why));
}

bool is_volumetric(const std::string& modality) {
  return modality == "CT" || modality == "MR" || modality == "PT" || modality == "NM";
}

/// Every image of one series must lie in one frame of reference, at a known place.
void check_headers(const DicomObjects& series) {
  std::set<std::string> frames;
  std::size_t unplaced = 0;
  for (const auto& [uid, object] : series.objects) {
    frames.insert(object.frame_of_reference);
    if (!object.is_placed) ++unplaced;
  }
  if (unplaced > 0) {
    refuse(series, fmt::format("{} of its {} images lack a position, an orientation or a pixel spacing; export the "
                               "original series, not a secondary capture of it",
                               unplaced, series.objects.size()));
  }
  if (frames.size() > 1) {
    refuse(series, fmt::format("its images lie in {} frames of reference; copy those of one to a folder of their own",
                               frames.size()));
  }
}

/// The grid that its images form. Gaps, copies and uneven distances are what ends in an empty result otherwise.
Geometry check_volume(const DicomObjects& series) {
  check_headers(series);
  std::vector<std::filesystem::path> files;
  for (const auto& [uid, object] : series.objects) files.push_back(object.path);
  const std::string what = fmt::format("the {} series {}", series.modality, series.uid);
  const auto stacks = io::find_dicom_series(files, {}, what, io::copy_dicom_start);
  if (stacks.size() != 1) {
    refuse(series, fmt::format("its images have {} sizes or directions, such as a localizer beside the scan; copy "
                               "those of the scan to a folder of their own",
                               stacks.size()));
  }
  if (const std::size_t readable = stacks.front().files.size(); readable != files.size()) {
    refuse(series,
           fmt::format("the pixels of {} of its {} images cannot be read", files.size() - readable, files.size()));
  }
  const io::Stack stack = io::stack_of(stacks.front(), {});
  if (stack.frames.size() > 1) {
    refuse(series, fmt::format("it has {} images at each position, such as phases or echoes; copy those of one to a "
                               "folder of their own",
                               stack.frames.size()));
  }
  return stack.geometry;
}

/// Makes the folders of a file for everybody to read: who the model runs as is the engine's affair.
void make_folders(const std::filesystem::path& in, const std::filesystem::path& file) {
  for (auto folder = file.parent_path(); folder != in && folder != folder.parent_path();
       folder = folder.parent_path()) {
    std::filesystem::create_directories(folder);
    std::filesystem::permissions(folder, std::filesystem::perms{0755});
  }
}

/// The file itself under a second name where the disk can do that and everybody may read it, else its bytes. Never a
/// link that can be followed.
void place_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code failure;
  const auto original = std::filesystem::canonical(from, failure);
  const auto rights = failure ? std::filesystem::perms::none : std::filesystem::status(original, failure).permissions();
  const bool readable = (rights & std::filesystem::perms::others_read) != std::filesystem::perms::none;
  if (!failure && readable) std::filesystem::create_hard_link(original, to, failure);
  if (!failure && readable) return;
  failure.clear();
  std::filesystem::copy_file(from, to, failure);
  if (!failure) std::filesystem::permissions(to, std::filesystem::perms{0644}, failure);
  if (failure) {
    throw Error(ErrorCode::io, fmt::format("cannot copy {} to {}: {}", from.string(), to.string(), failure.message()));
  }
}

/// "$patientID/ct" with what this case calls itself; none of the names may leave its folder.
std::filesystem::path filled(const std::string& place, const Attributes& names) {
  std::string out;
  for (const std::string_view part : split(place, '/')) {
    std::string name(part);
    if (part.starts_with('$')) {
      const std::string_view key =
          part.substr(1, part.find('.') == std::string_view::npos ? part.npos : part.find('.') - 1);
      name = names.at(std::string(key)) + std::string(part.substr(1 + key.size()));
    }
    out += (out.empty() ? "" : "/") + name;
  }
  static_cast<void>(TargetPath(out));  // Error for a way out
  return out;
}

/// What the host calls the case: targets and folders are named by it.
Attributes names_of_case(const WorkflowPlan& plan, const std::vector<ChosenInput>& chosen) {
  Attributes names = plan.fixed_attributes;
  const auto first =
      std::find_if(chosen.begin(), chosen.end(), [](const auto& one) { return !one.series.uid.empty(); });
  for (const NeededInput& need : plan.inputs) {
    for (const std::string_view part : split(need.place, '/')) {
      if (!part.starts_with('$')) continue;
      const std::string key(part.substr(1, part.find('.') == std::string_view::npos ? part.npos : part.find('.') - 1));
      names.emplace(key, "case");
    }
  }
  names["sid"] = first == chosen.end() ? "case" : first->series.uid;
  const bool has_study = first != chosen.end() && is_uid(first->series.first().study_uid);
  if (has_study && !plan.fixed_attributes.contains("studyID")) names["studyID"] = first->series.first().study_uid;
  return names;
}

class Stager {
 public:
  Stager(const std::filesystem::path& in, const RunControl& control) : in_(in), control_(control) {}

  StagedInput series(const ChosenInput& chosen, const std::filesystem::path& place) {
    const DicomObjects& series = chosen.series;
    StagedInput staged{.role = chosen.need.role,
                       .series_uid = series.uid,
                       .modality = series.modality,
                       .description = series.description,
                       .frame_of_reference = series.first().frame_of_reference};
    if (chosen.need.kind == Kind::series && is_volumetric(series.modality)) staged.geometry = check_volume(series);
    net::Sha256Sum sum;
    const bool is_file = place.extension() == ".dcm";
    for (const auto& [uid, object] : series.objects) {
      control_.check();
      control_.report("staging", static_cast<double>(staged.files) / static_cast<double>(series.objects.size()));
      const auto to = is_file ? in_ / place : in_ / place / (uid + ".dcm");
      make_folders(in_, to);
      place_file(object.path, to);
      add(to, staged, sum);
      staged.instances.insert(uid);
    }
    staged.sha256 = sum.hex();
    return staged;
  }

  StagedInput file(const ChosenInput& chosen, const std::filesystem::path& place) {
    StagedInput staged{.role = chosen.need.role, .description = plain_line(chosen.file.filename().string(), 200)};
    net::Sha256Sum sum;
    for (const auto& [uid, object] : chosen.series.objects) add(object.path, staged, sum);
    if (chosen.series.objects.empty()) add(chosen.file, staged, sum);
    staged.sha256 = sum.hex();
    const std::filesystem::path to = in_ / place;
    make_folders(in_, to);
    const std::string& type = chosen.need.file_type;
    if (type == "nifti" || type == "nrrd" || type == "mha") {
      const Volume image = io::read_image(chosen.file);
      control_.check();
      staged.geometry = image.geometry();
      io::write_image(image, to);
    } else {
      if (type == "json") static_cast<void>(parse_json(as_text(read_file(chosen.file, kMaxSideFile)), "the JSON file"));
      place_file(chosen.file, to);
    }
    return staged;
  }

 private:
  static void add(const std::filesystem::path& path, StagedInput& staged, net::Sha256Sum& sum) {
    std::ifstream file(path, std::ios::binary);
    Bytes block(std::size_t{1} << 20);
    while (file.read(reinterpret_cast<char*>(block.data()), static_cast<std::streamsize>(block.size())) ||
           file.gcount() > 0) {
      const auto got = static_cast<std::size_t>(file.gcount());
      sum.add(ByteView(block).first(got));
      staged.bytes += got;
    }
    if (!file.eof()) throw Error(ErrorCode::io, fmt::format("cannot read {}", path.string()));
    ++staged.files;
  }

  const std::filesystem::path& in_;
  const RunControl& control_;
};

Staged stage_chosen(const WorkflowPlan& plan, const std::vector<ChosenInput>& chosen, const std::filesystem::path& in,
                    const RunControl& control) {
  Staged staged{.instance = names_of_case(plan, chosen), .targets = plan.targets, .steps = plan.steps};
  Stager stager(in, control);
  for (const ChosenInput& one : chosen) {
    Attributes names = staged.instance;
    names["series"] = one.series.uid;
    const auto place = filled(one.need.place, names);
    staged.inputs.push_back(one.need.kind == Kind::file ? stager.file(one, place) : stager.series(one, place));
  }
  return staged;
}

/// A single image file for a model that wants a series.
bool wants_detour(const WorkflowPlan& plan, const std::vector<GivenInput>& given) {
  return plan.is_dicom && given.size() == 1 && given.front().series.empty();
}

Staged stage_image(const WorkflowPlan& plan, const GivenInput& given, const std::filesystem::path& in,
                   const RunControl& control) {
  const auto& modalities = plan.inputs.front().modalities;
  const std::string modality = modalities.empty() ? "CT" : modalities.front();
  HostWorkflow own = host_workflow(plan, modality);
  Staged staged = stage_chosen(own.plan, choose_inputs(own.plan, {given}), in, control);
  staged.own_workflow = std::move(own.text);
  staged.inputs.front().modality = modality;
  staged.notes.push_back(
      fmt::format("the image is no DICOM: it was given to the model as {}, taken for {}", own.file_type, modality));
  return staged;
}

/// A folder that goes when it is no longer needed.
struct Removed {
  std::filesystem::path path;
  ~Removed() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

}  // namespace

Staged stage(const WorkflowPlan& plan, const std::vector<JobInput>& inputs, const std::filesystem::path& in,
             const RunControl& control) {
  control.report("staging", 0);
  const Removed unpacked{in.parent_path() / (in.filename().string() + "-unpacked")};
  const auto given = look_at(inputs, unpacked.path, control);
  if (wants_detour(plan, given)) return stage_image(plan, given.front(), in, control);
  return stage_chosen(plan, choose_inputs(plan, given), in, control);
}

Json record_of(const std::vector<StagedInput>& inputs) {
  Json out = Json::array();
  for (const StagedInput& input : inputs) {
    out.push_back({{"role", input.role},
                   {"series", input.series_uid.empty() ? Json() : Json(input.series_uid)},
                   {"modality", input.modality},
                   {"files", input.files},
                   {"bytes", input.bytes},
                   {"sha256", input.sha256}});
  }
  return out;
}

}  // namespace sagittal::hub
