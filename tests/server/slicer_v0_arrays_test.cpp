#include "server/dialects/slicer_v0_arrays.h"

#include <gmock/gmock.h>

#include "expect_error.h"
#include "io/gzip.h"

namespace sagittal::server {
namespace {

constexpr Index3 kShape{10, 20, 30};

template <class T>
NpyFile file_of(const std::vector<std::int64_t>& shape, const std::vector<T>& values) {
  const Bytes bytes = io::write_npy(scalar_type_of<T>(), shape, std::as_bytes(std::span(values)));
  Buffer kept(bytes.size());
  std::memcpy(kept.data(), bytes.data(), bytes.size());
  return NpyFile(std::move(kept), "test");
}

Box box(std::array<double, 3> one, std::array<double, 3> other, bool flat = false) {
  return parse_box(one, other, kShape, flat);
}

TEST(SlicerBox, CornersAreInclusiveAndUnordered) {
  const Box expected{{2, 3, 4}, {3, 9, 12}};
  EXPECT_EQ(box({2, 3, 4}, {2, 8, 11}), expected);
  EXPECT_EQ(box({2, 8, 11}, {2, 3, 4}), expected);
  EXPECT_EQ(box({2, 8, 4}, {2, 3, 11}), expected);
}

TEST(SlicerBox, WhatSticksOutIsCutAndAtLeastOneVoxelStays) {
  EXPECT_EQ(box({5, -7, 25}, {5, 3, 99}), (Box{{5, 0, 25}, {6, 4, 30}}));
  EXPECT_EQ(box({-1, 0, 0}, {-1, 5, 5}), (Box{{0, 0, 0}, {1, 6, 6}}));
  EXPECT_EQ(box({10, 0, 0}, {10, 5, 5}), (Box{{9, 0, 0}, {10, 6, 6}}));
  EXPECT_EQ(box({-1e300, -1e300, -1e300}, {1e300, 1e300, 1e300}), whole(kShape));
}

TEST(SlicerBox, ABoxBesideTheVolumeIsAnError) {
  EXPECT_ERROR(box({-2, 0, 0}, {-2, 5, 5}), ErrorCode::bad_input);
  EXPECT_ERROR(box({0, 21, 0}, {0, 40, 5}), ErrorCode::bad_input);
}

TEST(SlicerBox, ABoxMeantFlatIsMadeFlat) {
  EXPECT_EQ(box({4, 3, 4}, {6, 8, 11}, true), (Box{{5, 3, 4}, {6, 9, 12}}));
  EXPECT_EQ(box({4, 3, 4}, {5, 8, 11}, true), (Box{{4, 3, 4}, {5, 9, 12}}));
  EXPECT_EQ(box({3, 3, 4}, {6, 8, 11}, true), (Box{{3, 3, 4}, {7, 9, 12}})) << "four thick: not meant flat";
  EXPECT_EQ(box({4, 3, 4}, {6, 8, 11}, false), (Box{{4, 3, 4}, {7, 9, 12}}));
}

TEST(SlicerCoordinate, NeedsThreeNumbers) {
  EXPECT_EQ(parse_coordinate(Json{{"p", {1, -2, 3}}}, "p"), (std::array<double, 3>{1, -2, 3}));
  for (const Json& bad :
       {Json{{"p", {1, 2}}}, Json{{"p", {1, 2, 3, 4}}}, Json{{"p", "1,2,3"}}, Json{{"p", {1, 2, "3"}}},
        Json{{"p", {1, 2, nullptr}}}, Json{{"q", {1, 2, 3}}}, Json::array()}) {
    EXPECT_ERROR(parse_coordinate(bad, "p"), ErrorCode::bad_input);
  }
}

TEST(SlicerImage, ShapeHasThreeAxes) {
  EXPECT_EQ(image_shape(file_of<float>({1, 2, 3}, std::vector<float>(6)).view()), (Index3{1, 2, 3}));
  EXPECT_ERROR(image_shape(file_of<float>({1, 2, 3, 1}, std::vector<float>(6)).view()), ErrorCode::unsupported);
  EXPECT_ERROR(image_shape(file_of<float>({2, 3}, std::vector<float>(6)).view()), ErrorCode::unsupported);
  EXPECT_ERROR(image_shape(file_of<float>({2, 0, 3}, {}).view()), ErrorCode::bad_input);
}

std::vector<double> values_of(NpyFile file) {
  const StoredVoxels voxels = std::move(file).release(nullptr);
  std::vector<double> out;
  visit_values(voxels.type, voxels.bytes.data(), [&](auto values) {
    for (std::int64_t n = 0; n < voxels.count(); ++n) out.push_back(static_cast<double>(values[n]));
  });
  return out;
}

template <class T>
class SlicerScalar : public testing::Test {};
using Scalars = testing::Types<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::uint32_t, std::int32_t,
                               std::uint64_t, std::int64_t, float, double>;
TYPED_TEST_SUITE(SlicerScalar, Scalars);

TYPED_TEST(SlicerScalar, ImagesAndMasksOfEveryTypeAreRead) {
  ThreadPool pool(2);
  NpyFile file = file_of<TypeParam>({1, 2, 2}, {0, 1, 7, 100});
  const Buffer mask = to_whole_mask(file.view(), pool);
  EXPECT_THAT(mask.as<std::uint8_t>(), testing::ElementsAre(0, 1, 1, 1));
  EXPECT_EQ(to_whole_mask(file_of<TypeParam>({1, 2, 2}, {0, 0, 0, 0}).view(), pool).size(), 0u);
  EXPECT_EQ(find_painted(file.view(), Paint::ones, pool).bounds, (Box{{0, 0, 1}, {1, 1, 2}}));
  EXPECT_THAT(values_of(std::move(file)), testing::ElementsAre(0, 1, 7, 100));
}

TEST(SlicerScribble, OnlyOnesArePaint) {
  ThreadPool pool(1);
  std::vector<std::int16_t> difference(10 * 20 * 30);
  difference[(2 * 20 + 3) * 30 + 4] = 1;
  difference[(2 * 20 + 5) * 30 + 6] = 1;
  difference[0] = -1;
  difference[5999] = -1;
  const Painted painted = find_painted(file_of<std::int16_t>({10, 20, 30}, difference).view(), Paint::ones, pool);
  EXPECT_EQ(painted.bounds, (Box{{2, 3, 4}, {3, 6, 7}}));
  EXPECT_EQ(painted.voxels, (std::vector<std::uint8_t>{1, 0, 0, 0, 0, 0, 0, 0, 1}));
  const auto unsigned_difference = file_of<std::uint8_t>({1, 1, 4}, {255, 0, 255, 255});
  EXPECT_TRUE(find_painted(unsigned_difference.view(), Paint::ones, pool).bounds.empty());
}

TEST(SlicerArray, FortranOrderAndUnalignedFilesAreReadToo) {
  std::string text = "x";
  text +=
      std::string("\x93NUMPY\x01\x00\x3e\x00", 10) + "{'descr': '<i2', 'fortran_order': True, 'shape': (1,2,2)}    \n";
  for (const char value : {'\1', '\2', '\3', '\4'}) text += {value, '\0'};
  EXPECT_THAT(values_of(NpyFile(as_bytes(text).subspan(1), "test")), testing::ElementsAre(1, 3, 2, 4));
}

TEST(SlicerMask, MustBeGzippedAndOnTheImagesGrid) {
  const std::vector<std::uint8_t> ones(6000, 1);
  const std::vector<std::int64_t> shape{10, 20, 30};
  const auto file = io::write_npy(ScalarType::u8, shape, std::as_bytes(std::span(ones)));
  EXPECT_EQ(read_mask_file(io::gzip(file), kShape).view().shape, shape);
  EXPECT_ERROR(read_mask_file(io::gzip(file), {30, 20, 10}), ErrorCode::bad_input);
  EXPECT_ERROR(read_mask_file(file, kShape), ErrorCode::bad_input);
  Bytes cut = io::gzip(file);
  cut.resize(cut.size() / 2);
  EXPECT_ERROR(read_mask_file(cut, kShape), ErrorCode::bad_input);
}

TEST(SlicerMask, ABombOfZerosIsStoppedAtTheGridsSize) {
  EXPECT_ERROR(read_mask_file(io::gzip(Bytes(64 << 20)), {4, 4, 4}), ErrorCode::too_large);
}

}  // namespace
}  // namespace sagittal::server
