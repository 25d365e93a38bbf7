#include "io/image_io.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "expect_error.h"
#include "io/gzip.h"
#include "sample_volumes.h"
#include "scratch.h"

namespace sagittal::io {
namespace {

constexpr const char* kNames[] = {"a.nii", "a.nii.gz", "a.nrrd", "a.nhdr", "a.mha", "a.mhd"};

/// NIfTI-1 stores 24 bits of each number.
double tolerance_of(std::string_view name) { return name.find(".nii") != std::string_view::npos ? 1e-7 : 1e-15; }

class EveryFormat : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Formats, EveryFormat, testing::ValuesIn(kNames), [](const auto& test) {
  std::string name = std::string(test.param).substr(2);
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

TEST_P(EveryFormat, KeepsObliqueAndLeftHandedGeometryInEveryType) {
  const Scratch scratch;
  for (const bool left_handed : {false, true}) {
    for (int t = 0; t < 10; ++t) {
      const Volume volume = counting_volume(oblique_geometry(left_handed), static_cast<ScalarType>(t));
      write_image(volume, scratch / GetParam());
      const Volume back = read_image(scratch / GetParam());
      expect_same_voxels(volume, back);
      expect_near(volume.geometry(), back.geometry(), tolerance_of(GetParam()));
      EXPECT_TRUE(same_grid(volume.geometry(), back.geometry()));
      EXPECT_EQ(determinant(back.geometry().direction) < 0, left_handed);
    }
  }
}

TEST_P(EveryFormat, AMaskHasExactlyTheGeometryOfTheImageItWasReadFrom) {
  const Scratch scratch;
  write_image(counting_volume(oblique_geometry(true), ScalarType::i16), scratch / GetParam());
  const Volume image = read_image(scratch / GetParam());
  write_image(to_mask(image), scratch / GetParam());
  const Geometry again = read_image(scratch / GetParam()).geometry();
  expect_near(image.geometry(), again, 1e-15);
}

TEST_P(EveryFormat, DescribesWithoutReadingVoxels) {
  const Scratch scratch;
  write_image(counting_volume(oblique_geometry(false), ScalarType::u16), scratch / GetParam());
  const ImageInfo info = describe_image(scratch / GetParam());
  EXPECT_EQ(info.geometry.size, (Index3{5, 4, 3}));
  EXPECT_EQ(info.type, ScalarType::u16);
  EXPECT_EQ(info.frames, 1);
}

TEST_P(EveryFormat, TruncationAnywhereIsAnError) {
  const Scratch scratch;
  write_image(counting_volume(oblique_geometry(false, {3, 2, 2}), ScalarType::u8), scratch / GetParam());
  const Bytes whole = read_file(scratch / GetParam(), 1 << 20);
  const bool detached = std::filesystem::exists(scratch / "a.raw.gz") || std::filesystem::exists(scratch / "a.zraw");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW(read_image(ByteView(whole).first(size), "cut"), Error) << size << " of " << whole.size();
  }
  if (detached) {
    const auto data = scratch / (std::filesystem::exists(scratch / "a.zraw") ? "a.zraw" : "a.raw.gz");
    std::filesystem::resize_file(data, std::filesystem::file_size(data) - 1);
    EXPECT_ERROR(read_image(scratch / GetParam()), ErrorCode::bad_input);
  }
}

TEST_P(EveryFormat, OneSlicePlanesAreKept) {
  const Scratch scratch;
  const Volume volume = counting_volume(oblique_geometry(true, {7, 5, 1}), ScalarType::u8);
  write_image(volume, scratch / GetParam());
  expect_near(volume.geometry(), read_image(scratch / GetParam()).geometry(), tolerance_of(GetParam()));
}

TEST(ImageIo, HugeSizesBecomeNifti2) {
  const Scratch scratch;
  const Volume volume = counting_volume(oblique_geometry(true, {40000, 2, 1}), ScalarType::u8);
  write_image(volume, scratch / "long.nii.gz");
  EXPECT_EQ(describe_image(scratch / "long.nii.gz").format, "NIfTI-2");
  const Volume back = read_image(scratch / "long.nii.gz");
  expect_same_voxels(volume, back);
  expect_near(volume.geometry(), back.geometry(), 1e-15);
}

TEST(ImageIo, AHeaderMayBeLongerThanWhatIsReadFirst) {
  const Scratch scratch;
  Bytes file = encode_image(counting_volume(oblique_geometry(true), ScalarType::i32), "nrrd", false);
  const std::string_view text = as_text(file);
  const std::size_t second_line = text.find('\n') + 1;
  std::string comments;
  while (comments.size() < 600'000) comments += "# so long a story that nobody reads it\n";
  file.insert(file.begin() + static_cast<std::ptrdiff_t>(second_line), comments.begin(), comments.end());
  write_file_atomically(scratch / "a.nrrd", file);
  EXPECT_EQ(describe_image(scratch / "a.nrrd").geometry, read_image(scratch / "a.nrrd").geometry());
}

TEST(ImageIo, NumPyHoldsVoxelsWithoutGeometry) {
  const Scratch scratch;
  const Volume volume = counting_volume(oblique_geometry(true), ScalarType::i32);
  write_image(volume, scratch / "a.npy");
  const Volume back = read_image(scratch / "a.npy");
  expect_same_voxels(volume, back);
  EXPECT_EQ(back.geometry(), (Geometry{{5, 4, 3}}));
}

TEST(ImageIo, TheContentDecidesTheFormatNotTheName) {
  const Scratch scratch;
  const Volume volume = counting_volume(oblique_geometry(false), ScalarType::i16);
  for (const char* format : {"nii", "nii.gz", "nrrd", "mha", "npy"}) {
    for (const bool compressed : {true, false}) {
      const Bytes file = encode_image(volume, format, compressed);
      write_file_atomically(scratch / "image.bin", file);
      expect_same_voxels(volume, read_image(scratch / "image.bin"));
      expect_same_voxels(volume, read_image(file, "upload"));
    }
  }
  for (const char* format : {"nii", "nrrd", "mha", "npy"}) {
    expect_same_voxels(volume, read_image(gzip(encode_image(volume, format)), "upload"));
  }
}

TEST(ImageIo, UnknownBytesAndNamesAreErrors) {
  const Scratch scratch;
  EXPECT_ERROR(read_image(as_bytes("hello"), "upload"), ErrorCode::unsupported);
  EXPECT_ERROR(read_image(ByteView(), "upload"), ErrorCode::unsupported);
  EXPECT_ERROR(read_image(gzip(gzip(as_bytes("hello"))), "upload"), ErrorCode::unsupported);
  EXPECT_ERROR(read_image(scratch / "absent.nii"), ErrorCode::not_found);
  const Volume volume = counting_volume(oblique_geometry(false), ScalarType::u8);
  EXPECT_ERROR(write_image(volume, scratch / "a.png"), ErrorCode::wrong_usage);
  EXPECT_ERROR(write_image(volume, scratch / ".nii"), ErrorCode::wrong_usage);
  EXPECT_ERROR(write_image(volume, scratch / "no" / "a.nii"), ErrorCode::not_found);
  EXPECT_ERROR(encode_image(volume, "nhdr"), ErrorCode::wrong_usage);
}

TEST(ImageIo, ALimitOnVoxelBytesHoldsInEveryFormat) {
  const Volume volume = counting_volume(oblique_geometry(false), ScalarType::i16);
  ReadOptions tight;
  tight.max_bytes = volume.bytes().size();
  for (const char* format : {"nii", "nii.gz", "nrrd", "mha", "npy"}) {
    const Bytes file = encode_image(volume, format);
    EXPECT_NO_THROW(read_image(file, "upload", tight));
    ReadOptions tighter = tight;
    --tighter.max_bytes;
    EXPECT_ERROR(read_image(file, "upload", tighter), ErrorCode::too_large);
  }
}

TEST(DetachedHeader, MayNotLeaveItsFolder) {
  const Scratch scratch;
  std::filesystem::create_directory(scratch / "in");
  write_file_atomically(scratch / "secret", Bytes(8, 1));
  write_file_atomically(scratch / "in" / "mine", Bytes(8, 1));
  std::filesystem::create_symlink(scratch / "secret", scratch / "in" / "link");
  const auto read = [&](const std::string& name) {
    write_file_atomically(
        scratch / "in" / "a.nhdr",
        as_bytes("NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: raw\ndata file: " + name + "\n\n"));
    write_file_atomically(
        scratch / "in" / "a.mhd",
        as_bytes("NDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = " + name + "\n"));
    read_image(scratch / "in" / "a.mhd");
    return read_image(scratch / "in" / "a.nhdr");
  };
  EXPECT_EQ(read("mine").as<std::uint8_t>()[0], 1);
  EXPECT_EQ(read("./mine").as<std::uint8_t>()[0], 1);
  EXPECT_ERROR(read("../secret"), ErrorCode::bad_input);
  EXPECT_ERROR(read("link"), ErrorCode::bad_input);
  EXPECT_ERROR(read((scratch / "secret").string()), ErrorCode::bad_input);
  EXPECT_ERROR(read((scratch / "in" / "mine").string()), ErrorCode::bad_input);
  EXPECT_ERROR(read("x/../../secret"), ErrorCode::bad_input);
  EXPECT_ERROR(read("/dev/zero"), ErrorCode::bad_input);
  EXPECT_ERROR(read("."), ErrorCode::bad_input);
  EXPECT_ERROR(read("gone"), ErrorCode::not_found);
  EXPECT_ERROR(
      read_image(as_bytes("NDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = x\n"), "upload"),
      ErrorCode::unsupported);
}

}  // namespace
}  // namespace sagittal::io
