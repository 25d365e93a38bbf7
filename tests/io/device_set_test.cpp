#include "io/device_set.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "expect_error.h"
#include "io/image_io.h"
#include "io/sequence.h"

namespace sagittal::io {
namespace {

// The calibration and the reconstruction of PlusLibData's SpinePhantomFreehand.
constexpr const char* kSpine = R"(<?xml version="1.0"?>
<PlusConfiguration version="2.1">
  <CoordinateDefinitions>
    <Transform From="Image" To="Probe" Matrix="
      -0.00157821 0.0785919 -0.00803285 15.3978   -0.0839128 0.00372697 0.0153803 49.5705
      0.0159024 0.00714276 0.0803604 -8.63446   0 0 0 1" Error="1.7"/>
    <Transform From="Phantom" To="Reference" Matrix="1 0 0 1  0 1 0 2  0 0 1 3  0 0 0 1"/>
  </CoordinateDefinitions>
  <Elsewhere><Transform From="X" To="Y" Matrix="none"/></Elsewhere>
  <VolumeReconstruction OutputSpacing="0.5 0.5 0.5" ClipRectangleOrigin="0 0" ClipRectangleSize="820 616"
    Interpolation="LINEAR" Optimization="FULL" Compounding="On" FillHoles="On">
    <HoleFilling><HoleFillingElement Type="STICK" StickLengthLimit="9" NumberOfSticksToUse="1"/></HoleFilling>
  </VolumeReconstruction>
</PlusConfiguration>)";

TEST(DeviceSet, SaysHowCoordinatesHangTogether) {
  const DeviceSet set = parse_device_set(kSpine, "test");
  ASSERT_EQ(set.transforms.size(), 2U);
  EXPECT_EQ(set.transforms[0].first.text(), "ImageToProbe");
  EXPECT_EQ(set.transforms[0].second.matrix[1][0], -0.0839128);
  EXPECT_EQ(set.transforms[1].second.offset, (Vec3{1, 2, 3}));
}

TEST(DeviceSet, SaysHowAVolumeIsMade) {
  const auto found = parse_device_set(kSpine, "test").reconstruction;
  ASSERT_TRUE(found);
  EXPECT_EQ(found->spacing_mm, (Vec3{0.5, 0.5, 0.5}));
  EXPECT_TRUE(found->options.linear);
  EXPECT_EQ(found->options.compounding, Compounding::mean);
  EXPECT_EQ(found->options.clip.width, 820);
  ASSERT_TRUE(found->holes);
  EXPECT_EQ(found->holes->longest_stick, 9);
  const auto other =
      parse_device_set(
          R"(<V><VolumeReconstruction OutputSpacing="1 1 2" CompoundingMode="MAXIMUM" PixelRejectionThreshold="3"/></V>)",
          "test")
          .reconstruction;
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->options.linear);
  EXPECT_EQ(other->options.compounding, Compounding::maximum);
  EXPECT_EQ(other->options.reject_below, 3.0F);
  EXPECT_FALSE(other->holes);
}

TEST(DeviceSet, ForgedFilesAreRefused) {
  const auto transform = [](const std::string& attributes) {
    return fmt::format("<P><CoordinateDefinitions><Transform {}/></CoordinateDefinitions></P>", attributes);
  };
  std::string deep;
  for (int n = 0; n < 70; ++n) deep += "<a>";
  for (const std::string& xml :
       {std::string(), std::string("<a>"), std::string("<a></b>"), std::string("{}"), deep,
        std::string(R"(<!DOCTYPE a [<!ENTITY x "xxxxxxxx"><!ENTITY y "&x;&x;&x;">]><a b="&y;"/>)"),
        std::string(R"(<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>)"), transform(R"(From="A" To="B")"),
        transform(R"(From="A" Matrix="1")"), transform(R"(From="A" To="B" Matrix="1 2 3")"),
        transform(R"(From="A" To="B" Matrix="1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 7")"),
        transform(R"(From="A" To="B" Matrix="nan 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1")"),
        std::string(R"(<VolumeReconstruction OutputSpacing="1 1"/>)"),
        std::string(R"(<VolumeReconstruction OutputSpacing="1 1 x"/>)"),
        std::string(
            R"(<VolumeReconstruction OutputSpacing="1 1 1" ClipRectangleOrigin="1" ClipRectangleSize="1 2"/>)")}) {
    SCOPED_TRACE(xml);
    EXPECT_ERROR(parse_device_set(xml, "test"), ErrorCode::bad_input);
  }
  EXPECT_ERROR(parse_device_set(R"(<VolumeReconstruction OutputSpacing="1 1 1" Interpolation="CUBIC"/>)", "test"),
               ErrorCode::unsupported);
  EXPECT_ERROR(
      parse_device_set(
          R"(<VolumeReconstruction OutputSpacing="1 1 1" FillHoles="ON"><HoleFillingElement Type="GAUSSIAN"/></VolumeReconstruction>)",
          "test"),
      ErrorCode::unsupported);
  EXPECT_ERROR(parse_device_set(std::string(5 << 20, ' '), "test"), ErrorCode::too_large);
}

TEST(PlusReconstruction, IsNearlyThatOfPlus) {
  const char* data = std::getenv("SAGITTAL_DATA");
  const auto folder = std::filesystem::path(data != nullptr ? data : SAGITTAL_SOURCE_DIR "/../shared/data") / "us_plus";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
  const DeviceSet set = parse_device_set(kSpine, "test");
  SequenceReader reader(folder / "SpinePhantomFreehand.igs.mha");
  TransformRepository transforms;
  for (const auto& [name, affine] : set.transforms) transforms.set(name, affine);
  std::vector<Affine> poses;
  for (std::int64_t n = 0; n < reader.header().frames; ++n) {
    for (const std::string& name : transform_names(reader.fields(n))) {
      const auto found = transform_of(reader.fields(n), name);
      transforms.set(parse_transform_name(name), found->affine, found->valid);
    }
    poses.push_back(transforms.get({"Image", "Reference"}).affine);
  }
  const Volume expected = read_image(folder / "SpinePhantomFreehandReconstructed.mha");
  const Geometry geometry =
      bounds_of(poses, 820, 616, set.reconstruction->options.clip, set.reconstruction->spacing_mm);
  EXPECT_EQ(geometry.size, expected.geometry().size);
  for (std::size_t a = 0; a < 3; ++a)
    EXPECT_NEAR(geometry.origin_mm[a], expected.geometry().origin_mm[a], 6e-4) << "written with six digits";

  Reconstruction reconstruction(geometry, set.reconstruction->options);
  SequenceFrame frame;
  for (const Affine& pose : poses) {
    ASSERT_TRUE(reader.next(frame));
    reconstruction.add(ImageView<const std::uint8_t>{frame.pixels.as<std::uint8_t>().data(), 820, 616, 1}, pose);
  }
  ThreadPool pool(2);
  const Volume volume = reconstruction.snapshot(ScalarType::u8, set.reconstruction->holes, pool);
  const auto ours = volume.as<std::uint8_t>(), theirs = expected.as<std::uint8_t>();
  double both = 0, either = 0, within_10 = 0, difference = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    either += ours[i] != 0 || theirs[i] != 0;
    if (ours[i] == 0 || theirs[i] == 0) continue;
    const int apart = std::abs(int{ours[i]} - int{theirs[i]});
    both += 1;
    difference += apart;
    within_10 += apart <= 10;
  }
  EXPECT_GT(both / either, 0.96) << "of the voxels that either fills";
  EXPECT_LT(difference / both, 3.1) << "grey values of 255, in the mean";
  EXPECT_GT(within_10 / both, 0.96);
}

}  // namespace
}  // namespace sagittal::io
