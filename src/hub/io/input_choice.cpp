#include "hub/io/input_choice.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/archive.h"
#include "hub/plain_text.h"
#include "io/file_start.h"
#include "io/unzip.h"

namespace sagittal::hub {
namespace {

using Kind = NeededInput::Kind;

std::string folded_role(const std::string& role) {
  const std::string lower = lower_case(role);
  return lower == "pet" ? "pt" : lower == "mri" ? "mr" : lower;
}

std::string described(const DicomObjects& series) {
  return fmt::format("\n  {}  {} {} object{}  {}", series.uid, series.modality, series.objects.size(),
                     series.objects.size() == 1 ? "" : "s", series.description);
}

std::string listing(const std::vector<const DicomObjects*>& all) {
  std::string text;
  for (const DicomObjects* series : all) text += described(*series);
  return text;
}

/// Chooses what feeds each need; keeps which series are taken, since a segmentation must refer to one of them.
class Chooser {
 public:
  Chooser(const WorkflowPlan& plan, const std::vector<GivenInput>& given) : plan_(plan), given_(given) {}

  std::vector<ChosenInput> choose() {
    check_roles();
    std::vector<ChosenInput> out(plan_.inputs.size());
    for (const bool images : {true, false}) {  // images first: the others refer to them
      for (std::size_t n = 0; n < plan_.inputs.size(); ++n) {
        const NeededInput& need = plan_.inputs[n];
        if ((need.kind == Kind::series) == images) out[n] = feed(need);
      }
    }
    return out;
  }

 private:
  std::string wanted() const {
    std::string text;
    for (const NeededInput& need : plan_.inputs) text += "\n  " + describe(need);
    return text;
  }

  /// One input needs no name, whatever it is called.
  bool is_single() const { return plan_.inputs.size() == 1; }

  void check_roles() const {
    for (const GivenInput& input : given_) {
      if (is_single()) break;
      const auto is_it = [&](const NeededInput& need) { return folded_role(need.role) == folded_role(input.role); };
      if (!input.role.empty() && std::none_of(plan_.inputs.begin(), plan_.inputs.end(), is_it)) {
        throw Error(ErrorCode::wrong_usage, fmt::format("{} has no input \"{}\"; it takes{}", plan_.model,
                                                        plain_line(input.role, 80), wanted()));
      }
    }
    if (given_.empty()) {
      throw Error(ErrorCode::wrong_usage, fmt::format("no scan was given; {} takes{}", plan_.model, wanted()));
    }
  }

  /// Those with the need's role; where there are none, those without any.
  std::vector<const GivenInput*> pool_of(const NeededInput& need) const {
    std::vector<const GivenInput*> named, unnamed;
    for (const GivenInput& input : given_) {
      if (input.role.empty() || is_single()) {
        unnamed.push_back(&input);
      } else if (folded_role(input.role) == folded_role(need.role)) {
        named.push_back(&input);
      }
    }
    return named.empty() ? unnamed : named;
  }

  ChosenInput feed(const NeededInput& need) {
    const auto pool = pool_of(need);
    if (need.kind == Kind::file) return feed_file(need, pool);
    std::vector<const DicomObjects*> all, fitting;
    for (const GivenInput* input : pool) {
      for (const auto& [uid, series] : input->series) all.push_back(&series);
    }
    std::copy_if(all.begin(), all.end(), std::back_inserter(fitting),
                 [&](const DicomObjects* series) { return fits(need, *series); });
    if (fitting.size() == 1) {
      taken_.push_back(fitting.front()->uid);
      return {need, *fitting.front(), {}};
    }
    fitting.empty() ? refuse_none(need, pool, all) : refuse_several(need, fitting);
  }

  bool fits(const NeededInput& need, const DicomObjects& series) const {
    const bool is_image = series.modality != "SEG" && series.modality != "RTSTRUCT";
    if (need.kind == Kind::series) {
      return is_image && (need.modalities.empty() || std::find(need.modalities.begin(), need.modalities.end(),
                                                               series.modality) != need.modalities.end());
    }
    if (series.modality != (need.kind == Kind::segmentation ? "SEG" : "RTSTRUCT")) return false;
    return series.objects.size() == 1 &&
           std::find(taken_.begin(), taken_.end(), series.first().referenced_series) != taken_.end();
  }

  [[noreturn]] void refuse_none(const NeededInput& need, const std::vector<const GivenInput*>& pool,
                                const std::vector<const DicomObjects*>& all) const {
    const bool joined = need.kind != Kind::series;
    if (all.empty()) {
      const std::string where =
          pool.empty() ? "nothing was given for it" : pool.front()->path.string() + " is no DICOM";
      throw Error(ErrorCode::bad_input, fmt::format("{} needs {}; {}", plan_.model, describe(need), where));
    }
    throw Error(ErrorCode::bad_input,
                fmt::format("{} needs {}{}; found:{}", plan_.model, describe(need),
                            joined ? ", one object that refers to the images" : "", listing(all)));
  }

  [[noreturn]] void refuse_several(const NeededInput& need, const std::vector<const DicomObjects*>& fitting) const {
    const std::string role = need.role.empty() ? "" : fmt::format(" as \"{}\"", need.role);
    throw Error(ErrorCode::wrong_usage, fmt::format("{} needs {}; choose one of these by its UID or folder{}:{}",
                                                    plan_.model, describe(need), role, listing(fitting)));
  }

  ChosenInput feed_file(const NeededInput& need, const std::vector<const GivenInput*>& pool) {
    std::vector<const GivenInput*> files;
    for (const GivenInput* input : pool) {
      const bool named_for_it = !input->role.empty() || is_single();
      if (named_for_it || input->path.extension() == "." + need.file_type) files.push_back(input);
    }
    if (files.size() == 1 && files.front()->series.size() < 2) {
      const auto& series = files.front()->series;
      return {need, series.empty() ? DicomObjects() : series.begin()->second, files.front()->path};
    }
    throw Error(ErrorCode::wrong_usage,
                fmt::format("{} needs {}; {} fit, so say which by its role", plan_.model, describe(need),
                            files.empty() ? "none of the inputs" : "several of the inputs"));
  }

  const WorkflowPlan& plan_;
  const std::vector<GivenInput>& given_;
  std::vector<std::string> taken_;
};

/// Leaves the series that was named, and what refers to it.
void keep_series(const std::string& uid, GivenInput& input) {
  if (!input.series.contains(uid)) {
    std::vector<const DicomObjects*> all;
    for (const auto& [other, series] : input.series) all.push_back(&series);
    throw Error(ErrorCode::not_found, fmt::format("{}: no series {}, expected one of:{}", input.path.string(),
                                                  plain_line(uid, 80), listing(all)));
  }
  std::erase_if(input.series,
                [&](const auto& entry) { return entry.first != uid && entry.second.first().referenced_series != uid; });
}

}  // namespace

std::vector<GivenInput> look_at(const std::vector<JobInput>& inputs, const std::filesystem::path& unpacked,
                                const RunControl& control) {
  std::vector<GivenInput> out;
  for (const JobInput& input : inputs) {
    std::error_code failure;
    if (!std::filesystem::exists(input.path, failure)) {
      throw Error(ErrorCode::not_found, fmt::format("{}: there is no such file or folder", input.path.string()));
    }
    GivenInput given{input.role, input.path, {}};
    std::filesystem::path looked_at = input.path;
    const bool is_folder = std::filesystem::is_directory(input.path, failure);
    if (!is_folder && io::looks_zipped(io::read_file_start(input.path, 8))) {
      std::filesystem::create_directories(unpacked);
      looked_at = unpacked / fmt::format("{}", out.size());
      unpack_archive(input.path, looked_at, {.max_bytes = std::uint64_t{64} << 30}, control);
    }
    DicomFolder found = find_dicom_objects(looked_at, control);
    given.series = std::move(found.series);
    if (given.series.empty() && found.without_uid > 0) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("{}: {} DICOM objects without a UID, which were lost when they were made anonymous; give "
                              "the originals, or an image made of them (sagittal convert DICOM scan.nii.gz)",
                              input.path.string(), found.without_uid));
    }
    if (given.series.empty() && (is_folder || looked_at != input.path)) {
      throw Error(ErrorCode::not_found, fmt::format("{}: no DICOM objects", input.path.string()));
    }
    if (!input.series_uid.empty()) keep_series(input.series_uid, given);
    out.push_back(std::move(given));
  }
  return out;
}

std::vector<ChosenInput> choose_inputs(const WorkflowPlan& plan, const std::vector<GivenInput>& given) {
  return Chooser(plan, given).choose();
}

}  // namespace sagittal::hub
