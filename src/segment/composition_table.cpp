#include "segment/composition.h"

#include <algorithm>
#include <array>

namespace sagittal::segment {
namespace {

// Tasks and labels as totalsegmentator/map_tasks_config.py and map_to_binary.py of 2.18 have them (Apache-2.0).

constexpr std::string_view kTotal =
    "spleen kidney_right kidney_left gallbladder liver stomach pancreas adrenal_gland_right adrenal_gland_left "
    "lung_upper_lobe_left lung_lower_lobe_left lung_upper_lobe_right lung_middle_lobe_right lung_lower_lobe_right "
    "esophagus trachea thyroid_gland small_bowel duodenum colon urinary_bladder prostate kidney_cyst_left "
    "kidney_cyst_right sacrum vertebrae_S1 vertebrae_L5 vertebrae_L4 vertebrae_L3 vertebrae_L2 vertebrae_L1 "
    "vertebrae_T12 vertebrae_T11 vertebrae_T10 vertebrae_T9 vertebrae_T8 vertebrae_T7 vertebrae_T6 vertebrae_T5 "
    "vertebrae_T4 vertebrae_T3 vertebrae_T2 vertebrae_T1 vertebrae_C7 vertebrae_C6 vertebrae_C5 vertebrae_C4 "
    "vertebrae_C3 vertebrae_C2 vertebrae_C1 heart aorta pulmonary_vein brachiocephalic_trunk "
    "subclavian_artery_right subclavian_artery_left common_carotid_artery_right common_carotid_artery_left "
    "brachiocephalic_vein_left brachiocephalic_vein_right atrial_appendage_left superior_vena_cava "
    "inferior_vena_cava portal_vein_and_splenic_vein iliac_artery_left iliac_artery_right iliac_vena_left "
    "iliac_vena_right humerus_left humerus_right scapula_left scapula_right clavicula_left clavicula_right "
    "femur_left femur_right hip_left hip_right spinal_cord gluteus_maximus_left gluteus_maximus_right "
    "gluteus_medius_left gluteus_medius_right gluteus_minimus_left gluteus_minimus_right autochthon_left "
    "autochthon_right iliopsoas_left iliopsoas_right brain skull rib_left_1 rib_left_2 rib_left_3 rib_left_4 "
    "rib_left_5 rib_left_6 rib_left_7 rib_left_8 rib_left_9 rib_left_10 rib_left_11 rib_left_12 rib_right_1 "
    "rib_right_2 rib_right_3 rib_right_4 rib_right_5 rib_right_6 rib_right_7 rib_right_8 rib_right_9 rib_right_10 "
    "rib_right_11 rib_right_12 sternum costal_cartilages";
constexpr std::string_view kTotalV3 =
    "spleen kidney_right kidney_left gallbladder liver stomach pancreas adrenal_gland_right adrenal_gland_left "
    "lung_upper_lobe_left lung_lower_lobe_left lung_upper_lobe_right lung_middle_lobe_right lung_lower_lobe_right "
    "esophagus trachea thyroid_gland small_bowel duodenum colon urinary_bladder prostate kidney_cyst_left "
    "kidney_cyst_right sacrum vertebrae_L6 vertebrae_L5 vertebrae_L4 vertebrae_L3 vertebrae_L2 vertebrae_L1 "
    "vertebrae_T12 vertebrae_T11 vertebrae_T10 vertebrae_T9 vertebrae_T8 vertebrae_T7 vertebrae_T6 vertebrae_T5 "
    "vertebrae_T4 vertebrae_T3 vertebrae_T2 vertebrae_T1 vertebrae_C7 vertebrae_C6 vertebrae_C5 vertebrae_C4 "
    "vertebrae_C3 vertebrae_C2 vertebrae_C1 heart aorta pulmonary_vein brachiocephalic_trunk "
    "subclavian_artery_right subclavian_artery_left common_carotid_artery_right common_carotid_artery_left "
    "brachiocephalic_vein_left brachiocephalic_vein_right atrial_appendage_left superior_vena_cava "
    "inferior_vena_cava portal_vein_and_splenic_vein iliac_artery_left iliac_artery_right iliac_vena_left "
    "iliac_vena_right humerus_left humerus_right scapula_left scapula_right clavicula_left clavicula_right "
    "femur_left femur_right hip_left hip_right spinal_cord gluteus_maximus_left gluteus_maximus_right "
    "gluteus_medius_left gluteus_medius_right gluteus_minimus_left gluteus_minimus_right autochthon_left "
    "autochthon_right iliopsoas_left iliopsoas_right brain skull rib_left_1 rib_left_2 rib_left_3 rib_left_4 "
    "rib_left_5 rib_left_6 rib_left_7 rib_left_8 rib_left_9 rib_left_10 rib_left_11 rib_left_12 rib_right_1 "
    "rib_right_2 rib_right_3 rib_right_4 rib_right_5 rib_right_6 rib_right_7 rib_right_8 rib_right_9 rib_right_10 "
    "rib_right_11 rib_right_12 sternum costal_cartilages";
constexpr std::string_view kTotalMr =
    "spleen kidney_right kidney_left gallbladder liver stomach pancreas adrenal_gland_right adrenal_gland_left "
    "lung_left lung_right esophagus small_bowel duodenum colon urinary_bladder prostate sacrum vertebrae "
    "intervertebral_discs spinal_cord heart aorta inferior_vena_cava portal_vein_and_splenic_vein "
    "iliac_artery_left iliac_artery_right iliac_vena_left iliac_vena_right humerus_left humerus_right "
    "scapula_left scapula_right clavicula_left clavicula_right femur_left femur_right hip_left hip_right "
    "gluteus_maximus_left gluteus_maximus_right gluteus_medius_left gluteus_medius_right gluteus_minimus_left "
    "gluteus_minimus_right autochthon_left autochthon_right iliopsoas_left iliopsoas_right brain";
constexpr std::string_view kHeadNeckMuscles =
    "sternocleidomastoid_right sternocleidomastoid_left superior_pharyngeal_constrictor "
    "middle_pharyngeal_constrictor inferior_pharyngeal_constrictor trapezius_right trapezius_left platysma_right "
    "platysma_left levator_scapulae_right levator_scapulae_left anterior_scalene_right anterior_scalene_left "
    "middle_scalene_right middle_scalene_left posterior_scalene_right posterior_scalene_left sterno_thyroid_right "
    "sterno_thyroid_left thyrohyoid_right thyrohyoid_left prevertebral_right prevertebral_left";
constexpr std::string_view kVertebrae =
    "vertebrae_C1 vertebrae_C2 vertebrae_C3 vertebrae_C4 vertebrae_C5 vertebrae_C6 vertebrae_C7 vertebrae_T1 "
    "vertebrae_T2 vertebrae_T3 vertebrae_T4 vertebrae_T5 vertebrae_T6 vertebrae_T7 vertebrae_T8 vertebrae_T9 "
    "vertebrae_T10 vertebrae_T11 vertebrae_T12 vertebrae_L1 vertebrae_L2 vertebrae_L3 vertebrae_L4 vertebrae_L5";
constexpr std::string_view kBody = "body_trunc body_extremities";
constexpr std::string_view kFace = "mandible teeth_lower skull head sinus_maxillary sinus_frontal teeth_upper";
constexpr std::string_view kLungs =
    "lung_upper_lobe_left lung_lower_lobe_left lung_upper_lobe_right lung_middle_lobe_right lung_lower_lobe_right";
constexpr std::string_view kNeck = "clavicula_left clavicula_right vertebrae_C1 vertebrae_C5 vertebrae_T1 vertebrae_T4";

constexpr Vec3 cube(double mm) { return {mm, mm, mm}; }
constexpr Composition total(std::string_view task, double mm, std::string_view labels,
                            std::string_view subset_crop_task = "total_fastest") {
  return {.task = task, .spacing_mm = cube(mm), .step = 0.8, .labels = labels, .subset_crop_task = subset_crop_task};
}
constexpr Composition of_parts(Composition one, std::array<int, 5> labels) {
  one.part_labels = labels;
  return one;
}
constexpr Composition whole(std::string_view task, Vec3 mm) { return {.task = task, .spacing_mm = mm}; }
constexpr Composition within(std::string_view task, Vec3 mm, std::string_view organs,
                             std::string_view crop_task = "total_fastest") {
  return {.task = task, .spacing_mm = mm, .crop = organs, .crop_task = crop_task};
}
constexpr Composition with_labels(Composition one, std::string_view labels) {
  one.labels = labels;
  return one;
}
constexpr Composition with_all_folds(Composition one) {
  one.all_folds = true;
  return one;
}
constexpr Composition body(std::string_view task, double mm, bool cleans) {
  return {.task = task, .spacing_mm = cube(mm), .labels = kBody, .cleans_body = cleans};
}
constexpr Composition kidney_cysts() {
  Composition one = within("kidney_cysts", cube(1.5), "kidney_left kidney_right liver spleen colon");
  one.auxiliary_from = 3;
  return one;
}
constexpr Composition vertebrae(std::string_view task, std::string_view bodies_task) {
  Composition one = with_labels(whole(task, cube(1.5)), kVertebrae);
  one.separates_vertebrae = true;
  one.bodies_task = bodies_task;
  return one;
}
constexpr Composition teeth() {
  Composition one = within("teeth", cube(0.5), "teeth_lower teeth_upper", "craniofacial_structures");
  one.crop_margin_mm = 10;
  return one;
}

constexpr Vec3 kOwn{}, kHigh{0.75, 0.75, 1};

constexpr std::array kCompositions{
    of_parts(total("total", 1.5, kTotal), {24, 26, 18, 23, 26}),
    total("total_fast", 3, kTotal),
    total("total_fastest", 6, kTotal),
    of_parts(total("total_v3", 1.5, kTotalV3), {24, 26, 18, 23, 26}),
    total("total_v3_fast", 3, kTotalV3),
    total("total_v3_fastest", 6, kTotalV3),
    of_parts(total("total_mr", 1.5, kTotalMr, "total_mr_fast"), {29, 21}),
    total("total_mr_fast", 3, kTotalMr, "total_mr_fast"),
    total("total_mr_fastest", 6, kTotalMr, "total_mr_fast"),
    body("body", 1.5, true),
    body("body_fast", 6, true),
    body("body_mr", 1.5, false),
    body("body_mr_fast", 6, false),
    whole("vertebrae_mr", cube(1.5)),
    whole("vertebrae_body", cube(1.5)),
    vertebrae("vertebrae_pp", ""),
    vertebrae("vertebrae_pp_refined", "vertebrae_body"),
    whole("breasts", cube(1.5)),
    whole("trunk_cavities", cube(1.5)),
    with_all_folds(whole("brain_aneurysm", {0.390625, 0.390625, 0.5000016391277313})),
    within("lung_vessels", {0.703125, 0.703125, 1}, kLungs, "total_fast"),
    within("lung_nodules", cube(1.5), kLungs),
    within("cerebral_bleed", kOwn, "brain"),
    within("hip_implant", kOwn, "femur_left femur_right hip_left hip_right"),
    with_all_folds(within("pleural_pericard_effusion", kOwn, kLungs)),
    within("liver_vessels", kOwn, "liver"),
    within("liver_segments", {0.8046879768371582, 0.8046879768371582, 1.5}, "liver"),
    within("liver_segments_mr", {1.1250001788139343, 1.1875, 3}, "liver", "total_mr_fast"),
    within("liver_lesions", kHigh, "liver", "total_fast"),
    within("liver_lesions_mr", {0.8603515625, 0.857421875, 1}, "liver", "total_mr_fast"),
    within("head_glands_cavities", kHigh, "skull"),
    within("head_muscles", kHigh, "skull"),
    within("headneck_bones_vessels", kHigh, kNeck),
    of_parts(with_labels(within("headneck_muscles", kHigh, kNeck), kHeadNeckMuscles), {11, 12}),
    within("oculomotor_muscles", {0.47251562774181366, 0.47251562774181366, 0.8500002026557922}, "skull"),
    kidney_cysts(),
    within("ventricle_parts", {0.4384765625, 0.4345703125, 1}, "brain"),
    with_labels(within("craniofacial_structures", cube(0.5), "skull"), kFace),
    teeth(),
    within("abdominal_muscles", kHigh, "body_trunc", "body_fast"),
};

}  // namespace

const Composition* find_composition(std::string_view task) {
  const auto* found =
      std::find_if(kCompositions.begin(), kCompositions.end(), [&](const Composition& c) { return c.task == task; });
  return found == kCompositions.end() ? nullptr : found;
}

}  // namespace sagittal::segment
