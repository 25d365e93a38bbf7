#include "segment/composition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.h"
#include "segment/canonical.h"
#include "segment/sample_network.h"
#include "segment/sample_plan.h"

namespace sagittal::segment {
namespace {

using testing::Each;
using testing::ElementsAre;

std::vector<int> voxels_of(const Volume& volume) {
  std::vector<int> out;
  visit_voxels(volume, [&](const auto& voxels) {
    for (const auto voxel : voxels) out.push_back(static_cast<int>(voxel));
  });
  return out;
}

Volume volume_of(const Index3& size, const std::vector<float>& values) {
  Geometry geometry;  // grows to the left, posterior and superior
  geometry.size = size;
  return make_volume<float>(geometry, values);
}

/// Says label 1 where a voxel is above `threshold`.
std::shared_ptr<const Model> threshold_model(float threshold) {
  auto model = std::make_shared<Model>();
  model->folder = SampleModel().read();
  model->plan = read_plan(model->folder);
  model->networks.push_back(std::make_shared<SampleNetwork>(
      1, 2, [threshold](int head, float value) { return head == 1 ? value - threshold : 0.0f; }));
  return model;
}

TEST(Canonical, AxesAreTurnedAndComeBack) {
  const Volume image = volume_of({3, 2, 1}, {1, 2, 3, 4, 5, 6});
  const Volume canonical = to_canonical(image);
  EXPECT_EQ(orientation_code(canonical.geometry()), "RAS");
  EXPECT_THAT(voxels_of(canonical), ElementsAre(6, 5, 4, 3, 2, 1));
  EXPECT_EQ(canonical.geometry().origin_mm, (Vec3{2, 1, 0}));
  const std::vector<std::uint8_t> labels{1, 2, 3, 4, 5, 6};
  const Volume back = from_canonical(make_volume<std::uint8_t>(canonical.geometry(), labels), image.geometry());
  EXPECT_THAT(voxels_of(back), ElementsAre(6, 5, 4, 3, 2, 1));
  EXPECT_EQ(back.geometry(), image.geometry());
}

TEST(Canonical, ZoomKeepsTheOutermostCentresAndCutsFractions) {
  ThreadPool pool(2);
  // scipy.ndimage.zoom([0, 10, -7, 5], 1.5, order=1, mode="nearest").astype(int32)
  const Volume zoomed = zoom_to_spacing(volume_of({4, 1, 1}, {0, 10, -7, 5}), {2.0 / 3, 1, 1}, pool);
  EXPECT_THAT(voxels_of(zoomed), ElementsAre(0, 6, 6, -3, -2, 5));
  const Volume same = volume_of({2, 1, 1}, {1.5f, 2});
  EXPECT_EQ(zoom_to_spacing(same, {1, 1, 1}, pool).type(), ScalarType::f32);
  EXPECT_ERROR(zoom_to_spacing(volume_of({1, 1, 1}, {1e20f}), {0.5, 1, 1}, pool), ErrorCode::bad_input);
  EXPECT_ERROR(zoom_to_spacing(same, {1e-12, 1, 1}, pool), ErrorCode::too_large);
}

TEST(Composition, EveryTaskThatIsCroppedKnowsWhatTheCropNeeds) {
  for (const char* name : {"lung_vessels", "teeth", "abdominal_muscles", "liver_segments_mr", "headneck_muscles"}) {
    const Composition* task = find_composition(name);
    ASSERT_NE(task, nullptr) << name;
    const Composition* crop = find_composition(task->crop_task);
    ASSERT_NE(crop, nullptr) << name;
    std::string_view organs = task->crop;
    while (!organs.empty()) {
      const auto organ = organs.substr(0, organs.find(' '));
      organs.remove_prefix(std::min(organs.size(), organ.size() + 1));
      EXPECT_NE(crop->labels.find(organ), std::string_view::npos) << name << " " << organ;
    }
  }
  EXPECT_EQ(find_composition("heartchambers_highres"), nullptr);
}

class Compose : public testing::Test {
 protected:
  std::vector<int> run(const Composition& task, const std::vector<float>& thresholds, const Volume& image,
                       const Composed* rough = nullptr, const CompositionOptions& asked = {}) {
    CompositionParts parts{thresholds.size(), [&](std::size_t part) { return threshold_model(thresholds[part]); }};
    return voxels_of(predict_composed(task, parts, asked, image, {rough, nullptr}, {}, pool_).labels);
  }
  ThreadPool pool_{2};
};

TEST_F(Compose, LaterPartsWinAndTheirLabelsFollow) {
  const Composition task{.task = "t", .labels = "low high", .part_labels = {1, 1}};
  EXPECT_THAT(run(task, {1, 3}, volume_of({4, 1, 1}, {1, 2, 3, 4})), ElementsAre(0, 1, 1, 2));
  const Composition wrong{.task = "t", .labels = "one two"};
  EXPECT_ERROR(run(wrong, {1}, volume_of({1, 1, 1}, {1})), ErrorCode::bad_input);
}

TEST_F(Compose, OnlyTheCropIsSegmented) {
  const Composition task{.task = "t", .crop = "liver", .crop_task = "c", .crop_margin_mm = 1.5, .labels = "found"};
  const Volume image = volume_of({7, 1, 1}, {9, 9, 9, 9, 9, 9, 9});
  nn::Dataset names;
  names.labels = {{"spleen", {1}}, {"liver", {2}}};
  const auto rough = [&](const std::vector<std::uint8_t>& labels) {
    return Composed{make_volume<std::uint8_t>(image.geometry(), labels), names};
  };
  const Composed some = rough({1, 0, 0, 0, 2, 0, 0}), none = rough({1, 0, 0, 0, 0, 0, 0});
  EXPECT_THAT(run(task, {1}, image, &some), ElementsAre(0, 0, 0, 1, 1, 1, 0));
  EXPECT_THAT(run(task, {1}, image, &none), Each(0));
}

TEST_F(Compose, OnlyPartsWithTheOrgansRunAndOnlyTheOrgansStay) {
  const Composition task{.task = "t", .labels = "low high", .part_labels = {1, 1}, .subset_crop_task = "total_fastest"};
  const Volume image = volume_of({4, 1, 1}, {1, 2, 3, 4});
  EXPECT_THAT(parts_of(task, 2, {.organs = {"high"}}), ElementsAre(1));
  EXPECT_THAT(parts_of(task, 2, {}), ElementsAre(0, 1));
  EXPECT_EQ(crop_of(task, {.organs = {"high"}}).task, "total_fastest");
  nn::Dataset names;
  names.labels = {{"low", {1}}, {"high", {2}}};
  const std::vector<std::uint8_t> everywhere{2, 0, 0, 2};
  const Composed rough{make_volume<std::uint8_t>(image.geometry(), everywhere), names};
  EXPECT_THAT(run(task, {1, 3}, image, &rough, {.organs = {"high"}}), ElementsAre(0, 0, 0, 2));
  EXPECT_ERROR(crop_of(task, {.organs = {"middle"}}), ErrorCode::wrong_usage);
  EXPECT_ERROR(crop_of(*find_composition("body"), {.organs = {"body_trunc"}}), ErrorCode::wrong_usage);
}

TEST_F(Compose, SmallPartsGo) {
  const Composition task{.task = "t", .labels = "one"};
  const Volume image = volume_of({6, 1, 1}, {2, 2, 0, 2, 0, 2});
  EXPECT_THAT(run(task, {1}, image, nullptr, {.small_parts_mm3 = 1}), ElementsAre(1, 1, 0, 0, 0, 0));
  EXPECT_THAT(run(task, {1}, image, nullptr, {.small_parts_mm3 = 0.5}), ElementsAre(1, 1, 0, 1, 0, 1));
}

TEST(Composition, LabelsOfPartsAreAllOfTheTasks) {
  for (const char* name : {"total", "total_v3", "total_mr", "headneck_muscles"}) {
    const Composition* task = find_composition(name);
    int sum = 0;
    for (const int count : task->part_labels) sum += count;
    EXPECT_EQ(sum, 1 + std::count(task->labels.begin(), task->labels.end(), ' ')) << name;
  }
}

TEST_F(Compose, TheBodyHasOneTrunkAndNoSmallExtremities) {
  const Composition task{.task = "body", .labels = "trunk extremities", .cleans_body = true, .part_labels = {1, 1}};
  // Voxels of 1 mm3: every extremity is far too small.
  EXPECT_THAT(run(task, {1, 5}, volume_of({7, 1, 1}, {2, 0.5f, 3, 3, 0.5f, 9, 9})), ElementsAre(0, 0, 1, 1, 0, 0, 0));
}

}  // namespace
}  // namespace sagittal::segment
