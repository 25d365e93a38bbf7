#include "hub/weights.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/plain_text.h"

namespace sagittal::hub {
namespace {

/// TotalSegmentator's task, its title, and "release/folder" of its parts, as totalsegmentator/map_tasks_config.py of
/// 2.18 has them.
struct Task {
  std::string_view name;
  std::string_view title;
  std::string_view parts;
  std::string_view licence = "Apache-2.0";
};

constexpr std::array kTasks{
    Task{"total", "117 structures in CT, 1.5 mm",
         "v2.0.0/Dataset291_TotalSegmentator_part1_organs_1559subj "
         "v2.0.0/Dataset292_TotalSegmentator_part2_vertebrae_1532subj "
         "v2.0.0/Dataset293_TotalSegmentator_part3_cardiac_1559subj "
         "v2.0.0/Dataset294_TotalSegmentator_part4_muscles_1559subj "
         "v2.0.0/Dataset295_TotalSegmentator_part5_ribs_1559subj"},
    Task{"total_fast", "117 structures in CT, 3 mm", "v2.0.0/Dataset297_TotalSegmentator_total_3mm_1559subj"},
    Task{"total_fastest", "117 structures in CT, 6 mm", "v2.0.0/Dataset298_TotalSegmentator_total_6mm_1559subj"},
    Task{"total_v3", "structures in CT, version 3, 1.5 mm",
         "v3.0.0/Dataset831_TotalSegmentator_part1_organs_1830subj "
         "v3.0.0/Dataset832_TotalSegmentator_part2_vertebrae_1559subj "
         "v3.0.0/Dataset833_TotalSegmentator_part3_cardiac_1830subj "
         "v3.0.0/Dataset834_TotalSegmentator_part4_muscles_1830subj "
         "v3.0.0/Dataset835_TotalSegmentator_part5_ribs_1559subj"},
    Task{"total_v3_fast", "structures in CT, version 3, 3 mm", "v3.0.0/Dataset836_TotalSegmentator_total_3mm_1559subj"},
    Task{"total_v3_fastest", "structures in CT, version 3, 6 mm",
         "v3.0.0/Dataset837_TotalSegmentator_total_6mm_1559subj"},
    Task{"total_mr", "50 structures in MR, 1.5 mm",
         "v2.5.0/Dataset850_TotalSegMRI_part1_organs_1088subj v2.5.0/Dataset851_TotalSegMRI_part2_muscles_1088subj"},
    Task{"total_mr_fast", "50 structures in MR, 3 mm", "v2.5.0/Dataset852_TotalSegMRI_total_3mm_1088subj"},
    Task{"total_mr_fastest", "50 structures in MR, 6 mm", "v2.5.0/Dataset853_TotalSegMRI_total_6mm_1088subj"},
    Task{"body", "trunk and extremities in CT", "v2.0.0/Dataset299_body_1559subj"},
    Task{"body_fast", "trunk and extremities in CT, 6 mm", "v2.0.0/Dataset300_body_6mm_1559subj"},
    Task{"body_mr", "trunk and extremities in MR", "v2.5.0/Dataset597_mri_body_139subj"},
    Task{"body_mr_fast", "trunk and extremities in MR, 6 mm", "v2.5.0/Dataset598_mri_body_6mm_139subj"},
    Task{"vertebrae_mr", "vertebrae in MR", "v2.5.0/Dataset756_mri_vertebrae_1076subj"},
    Task{"vertebrae_body", "vertebral bodies in CT", "v2.5.0/Dataset305_vertebrae_discs_1559subj"},
    Task{"vertebrae_pp", "single vertebral bodies in CT",
         "v2.5.0/Dataset803_TotalSegmentator_vertebrae_inner_1559subj"},
    Task{"vertebrae_pp_refined", "single vertebral bodies in CT, sharper borders",
         "v2.5.0/Dataset803_TotalSegmentator_vertebrae_inner_1559subj"},
    Task{"lung_vessels", "arteries, veins and airways of the lungs",
         "v2.5.0/Dataset117_lung_airways_arteries_veins_282subj"},
    Task{"lung_nodules", "nodules of the lungs", "v2.5.0/Dataset913_lung_nodules"},
    Task{"cerebral_bleed", "bleedings in the brain", "v2.0.0/Dataset150_icb_v0"},
    Task{"hip_implant", "hip implants", "v2.0.0/Dataset260_hip_implant_71subj"},
    Task{"pleural_pericard_effusion", "pleural and pericardial effusion", "v2.0.0/Dataset315_thoraxCT"},
    Task{"liver_vessels", "vessels and tumours of the liver", "v2.4.0/Dataset008_HepaticVessel"},
    Task{"liver_segments", "segments of the liver in CT", "v2.5.0/Dataset570_ct_liver_segments"},
    Task{"liver_segments_mr", "segments of the liver in MR", "v2.5.0/Dataset576_mri_liver_segments_120subj"},
    Task{"liver_lesions", "lesions of the liver in CT", "v2.5.0/Dataset591_ct_liver_lesions_842subj"},
    Task{"liver_lesions_mr", "lesions of the liver in MR", "v2.5.0/Dataset589_ct_mri_liver_lesions_750subj"},
    Task{"head_glands_cavities", "glands and cavities of the head", "v2.3.0/Dataset775_head_glands_cavities_492subj"},
    Task{"head_muscles", "muscles of the head", "v2.3.0/Dataset777_head_muscles_492subj"},
    Task{"headneck_bones_vessels", "bones and vessels of head and neck",
         "v2.3.0/Dataset776_headneck_bones_vessels_492subj"},
    Task{"headneck_muscles", "muscles of head and neck",
         "v2.3.0/Dataset778_headneck_muscles_part1_492subj v2.3.0/Dataset779_headneck_muscles_part2_492subj"},
    Task{"oculomotor_muscles", "muscles of the eyes", "v2.4.0/Dataset351_oculomotor_muscles_18subj"},
    Task{"kidney_cysts", "cysts of the kidneys", "v2.5.0/Dataset789_kidney_cyst_501subj"},
    Task{"breasts", "breasts", "v2.5.0/Dataset527_breasts_1559subj"},
    Task{"ventricle_parts", "ventricles of the brain", "v2.5.0/Dataset552_ventricle_parts_38subj"},
    Task{"craniofacial_structures", "bones and sinuses of the face", "v2.5.0/Dataset115_mandible"},
    Task{"teeth", "teeth and jaws", "v2.5.0/Dataset113_ToothFairy3"},
    Task{"abdominal_muscles", "muscles of the trunk", "v2.5.0/Dataset952_abdominal_muscles_167subj"},
    Task{"trunk_cavities", "cavities of the trunk", "v2.5.0/Dataset343_mediastinum_1786subj"},
    Task{"brain_aneurysm", "aneurysms in TOF MR", "v2.5.0/Dataset615_MAXIMUS", "CC-BY-NC-4.0"},
};

constexpr std::string_view kNNInteractive = "nnInteractive";

std::string licence_text_of(std::string_view id) {
  if (id == "Apache-2.0") return "https://www.apache.org/licenses/LICENSE-2.0";
  if (id == "CC-BY-NC-4.0") return "https://creativecommons.org/licenses/by-nc/4.0/";
  return "https://creativecommons.org/licenses/by-nc-sa/4.0/";
}

KnownWeights weights_of(const Task& task) {
  KnownWeights out{.name = fmt::format("totalsegmentator_{}", task.name),
                   .title = fmt::format("TotalSegmentator: {}", task.title),
                   .licence = std::string(task.licence),
                   .licence_uri = licence_text_of(task.licence)};
  for (const std::string_view part : split(task.parts, ' ')) {
    const auto slash = part.find('/');
    const std::string folder(part.substr(slash + 1));
    out.archives.push_back(
        {fmt::format("/wasserth/TotalSegmentator/releases/download/{}-weights/{}.zip", part.substr(0, slash), folder),
         folder, ""});
  }
  return out;
}

KnownWeights nninteractive(std::string_view model) {
  constexpr std::string_view licence = "CC-BY-NC-SA-4.0";
  return {.name = std::string(model.empty() ? kNNInteractive : model),
          .title = "nnInteractive: segments what is pointed at, in any image",
          .licence = std::string(licence),
          .licence_uri = licence_text_of(licence),
          .host = KnownWeights::Host::huggingface,
          .repository = "MIC-DKFZ/nnInteractive",
          .model = std::string(model)};
}

std::vector<KnownWeights> make_table() {
  std::vector<KnownWeights> out{nninteractive("")};
  for (const Task& task : kTasks) out.push_back(weights_of(task));
  return out;
}

}  // namespace

const std::vector<KnownWeights>& known_weights() {
  static const std::vector<KnownWeights> table = make_table();
  return table;
}

KnownWeights find_weights(std::string_view name) {
  const std::string wanted = lower_case(name);
  for (const KnownWeights& known : known_weights()) {
    if (lower_case(known.name) == wanted) return known;
  }
  if (name.starts_with(fmt::format("{}_", kNNInteractive)) && is_model_name(wanted)) return nninteractive(name);
  throw Error(ErrorCode::not_found, fmt::format("no published weights '{}'; `sagittal model fetch` lists what there is",
                                                plain_line(name, 80)));
}

}  // namespace sagittal::hub
