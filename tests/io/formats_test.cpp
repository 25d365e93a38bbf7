// What the headers of NIfTI, NRRD and MetaImage may say, and what they must not.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "expect_error.h"
#include "io/gzip.h"
#include "io/image_io.h"
#include "io/nifti.h"
#include "sample_volumes.h"
#include "scratch.h"

namespace sagittal::io {
namespace {

using testing::ElementsAre;

Volume read(std::string_view text) { return read_image(as_bytes(text), "file"); }
Volume read_frame(ByteView file, std::int64_t frame) {
  ReadOptions options;
  options.frame = frame;
  return read_image(file, "file", options);
}

template <class T>
void put(Bytes& file, std::size_t offset, T value) {
  std::memcpy(file.data() + offset, &value, sizeof(T));
}

/// 2x2x2 int16 voxels 0..7, unit spacing, NIfTI-1.
Bytes small_nifti() {
  Geometry geometry{{2, 2, 2}};
  const std::array<std::int16_t, 8> voxels{0, 1, 2, 3, 4, 5, 6, 7};
  return write_nifti(make_volume<std::int16_t>(geometry, voxels));
}

TEST(Nifti, SlopeAndInterceptAreApplied) {
  Bytes file = small_nifti();
  put(file, 112, 0.5F);
  put(file, 116, 10.0F);
  EXPECT_THAT(read_image(file, "f").as<float>().first(3), ElementsAre(10, 10.5, 11));
  put(file, 112, 2.0F);
  put(file, 116, -1024.0F);
  EXPECT_THAT(read_image(file, "f").as<std::int16_t>().first(3), ElementsAre(-1024, -1022, -1020));
  put(file, 116, 40000.0F);
  EXPECT_EQ(read_image(file, "f").type(), ScalarType::u16);
  put(file, 116, 1e6F);
  EXPECT_EQ(read_image(file, "f").type(), ScalarType::i32);
  put(file, 116, -1e12F);
  EXPECT_EQ(read_image(file, "f").type(), ScalarType::f32);
  for (const float none : {0.0F, NAN, INFINITY}) {
    put(file, 112, none);
    EXPECT_EQ(read_image(file, "f").as<std::int16_t>()[1], 1);
  }
}

TEST(Nifti, BigEndianFilesAreRead) {
  Bytes file = small_nifti();
  const auto swap = [&](std::size_t offset, std::size_t width, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      std::reverse(file.begin() + offset + i * width, file.begin() + offset + (i + 1) * width);
  };
  swap(0, 4, 1), swap(40, 2, 8), swap(70, 2, 2), swap(76, 4, 8), swap(108, 4, 3), swap(252, 2, 2), swap(256, 4, 18);
  swap(352, 2, 8);
  EXPECT_THAT(read_image(file, "f").as<std::int16_t>(), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_EQ(read_image(file, "f").geometry(), (Geometry{{2, 2, 2}}));
}

TEST(Nifti, QformStandsInForAnAbsentOrShearedSform) {
  const Geometry oblique = oblique_geometry(true);
  Bytes file = write_nifti(counting_volume(oblique, ScalarType::u8));
  put(file, 254, std::int16_t{0});
  expect_near(oblique, read_image(file, "f").geometry(), 1e-6);
  put(file, 254, std::int16_t{1});
  put(file, 280, 3.0F);  // shears the sform
  expect_near(oblique, read_image(file, "f").geometry(), 1e-6);
  put(file, 252, std::int16_t{0});
  EXPECT_ERROR(read_image(file, "f"), ErrorCode::unsupported);
}

TEST(Nifti, EveryRotationSurvivesItsQuaternion) {
  for (int turn = 0; turn < 48; ++turn) {  // all ways to flip and swap axes, half turns among them
    const int permutation[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    Geometry geometry{{2, 3, 4}, {1, 2, 3}, {5, 6, 7}, {}};
    for (auto& row : geometry.direction) row = {0, 0, 0};
    for (int c = 0; c < 3; ++c) geometry.direction[permutation[turn / 8][c]][c] = (turn >> c) & 1 ? -1 : 1;
    Bytes file = write_nifti(counting_volume(geometry, ScalarType::u8));
    put(file, 254, std::int16_t{0});
    expect_near(geometry, read_image(file, "f").geometry(), 1e-6);
  }
}

TEST(Nifti, WithoutOrientationTheVoxelSizesCountAlongRas) {
  Bytes file = small_nifti();
  put(file, 252, std::int16_t{0});
  put(file, 254, std::int16_t{0});
  put(file, 80, 0.5F);
  EXPECT_EQ(orientation_code(read_image(file, "f").geometry()), "RAS");
  EXPECT_EQ(read_image(file, "f").geometry().spacing_mm[0], 0.5);
}

TEST(Nifti, MetresAndMicronsBecomeMillimetres) {
  Bytes file = small_nifti();
  put(file, 123, std::uint8_t{3});
  EXPECT_DOUBLE_EQ(read_image(file, "f").geometry().spacing_mm[1], 0.001);
  put(file, 123, std::uint8_t{1 | 8});
  EXPECT_DOUBLE_EQ(read_image(file, "f").geometry().spacing_mm[1], 1000);
}

TEST(Nifti, AVolumeOfAFourDimensionalFileMustBeChosen) {
  Bytes file = small_nifti();
  put(file, 40, std::int16_t{4});
  put(file, 48, std::int16_t{2});
  const Bytes more(file.end() - 16, file.end());
  file.insert(file.end(), more.begin(), more.end());
  put(file, 352 + 16, std::int16_t{77});
  for (const Bytes& form : {file, gzip(file)}) {
    EXPECT_ERROR(read_image(form, "f"), ErrorCode::wrong_usage);
    EXPECT_EQ(read_frame(form, 0).as<std::int16_t>()[0], 0);
    EXPECT_EQ(read_frame(form, 1).as<std::int16_t>()[0], 77);
    EXPECT_ERROR(read_frame(form, 2), ErrorCode::not_found);
    EXPECT_ERROR(read_frame(form, -1), ErrorCode::not_found);
  }
}

TEST(Nifti, ForgedHeadersAreErrorsBeforeAnyAllocation) {
  const auto forged = [](auto offset, auto value, ErrorCode code) {
    Bytes file = small_nifti();
    put(file, offset, value);
    EXPECT_ERROR(read_image(file, "f"), code);
    EXPECT_ERROR(read_image(gzip(file), "f"), code);
  };
  forged(0, std::int32_t{347}, ErrorCode::unsupported);  // no NIfTI at all
  forged(344, 'x', ErrorCode::unsupported);
  forged(345, 'i', ErrorCode::unsupported);
  forged(40, std::int16_t{0}, ErrorCode::bad_input);
  forged(40, std::int16_t{8}, ErrorCode::bad_input);
  forged(42, std::int16_t{0}, ErrorCode::bad_input);
  forged(42, std::int16_t{-2}, ErrorCode::bad_input);
  forged(42, std::int16_t{32767}, ErrorCode::bad_input);
  forged(70, std::int16_t{32}, ErrorCode::unsupported);
  forged(70, std::int16_t{0}, ErrorCode::unsupported);
  forged(108, 100.0F, ErrorCode::bad_input);
  forged(108, -1.0F, ErrorCode::bad_input);
  forged(108, NAN, ErrorCode::bad_input);
  forged(108, 1e30F, ErrorCode::bad_input);
  forged(108, 400.0F, ErrorCode::bad_input);
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    Bytes file = small_nifti();
    put(file, 252, std::int16_t{0});
    put(file, 284, bad);
    EXPECT_ERROR(read_image(file, "f"), ErrorCode::bad_input);
  }
}

TEST(Nifti, HugeSizesAreTooLarge) {
  Bytes file = small_nifti();
  for (const std::size_t offset : {42, 44, 46}) put(file, offset, std::int16_t{32767});
  EXPECT_ERROR(read_image(file, "f"), ErrorCode::too_large);
  Bytes two = write_nifti(counting_volume({{40000, 1, 1}}, ScalarType::u8));
  for (const std::size_t offset : {24, 32, 40}) put(two, offset, std::int64_t{1} << 40);
  EXPECT_ERROR(read_image(two, "f"), ErrorCode::bad_input);  // the product does not fit 64 bits
  put(two, 24, std::int64_t{-1});
  EXPECT_ERROR(read_image(two, "f"), ErrorCode::bad_input);
}

TEST(Nifti, AGzipBombBehindASmallHeaderIsRefused) {
  Bytes file = small_nifti();
  file.resize(50 << 20);
  EXPECT_ERROR(read_image(gzip(file), "f"), ErrorCode::too_large);
  file.resize(352 + 16 + 100);  // some writers pad
  EXPECT_NO_THROW(read_image(gzip(file), "f"));
}

std::string nrrd(std::string_view fields, std::string_view data = "\1\2\3\4\5\6\7\10") {
  return fmt::format("NRRD0005\n# comment\ntype: uint8\nencoding: raw\n{}\n\n{}", fields, data);
}

TEST(Nrrd, SpacesAreTurnedToLps) {
  const std::string rest =
      "dimension: 3\nsizes: 2 2 2\nspace directions: (1,0,0) (0,2,0) (0,0,3)\nspace origin: (10,20,30)\n";
  const Geometry lps = read(nrrd("space: left-posterior-superior\n" + rest)).geometry();
  EXPECT_EQ(lps, (Geometry{{2, 2, 2}, {1, 2, 3}, {10, 20, 30}}));
  const Geometry ras = read(nrrd("space: RAS\n" + rest)).geometry();
  EXPECT_EQ(ras.origin_mm, (Vec3{-10, -20, 30}));
  EXPECT_EQ(orientation_code(ras), "RAS");
  EXPECT_EQ(orientation_code(read(nrrd("space: left-anterior-superior\n" + rest)).geometry()), "LAS");
  EXPECT_EQ(read(nrrd("space dimension: 3\n" + rest)).geometry(), lps);
  EXPECT_ERROR(read(nrrd("space: up-down\n" + rest)), ErrorCode::unsupported);
}

TEST(Nrrd, SpacingsStandInForDirections) {
  const Geometry g = read(nrrd("dimension: 3\nsizes: 2 2 2\nspacings: 0.5 1 2\naxis mins: 1 nan 3")).geometry();
  EXPECT_EQ(g.spacing_mm, (Vec3{0.5, 1, 2}));
  EXPECT_EQ(g.origin_mm, (Vec3{1, 0, 3}));
  EXPECT_EQ(read(nrrd("dimension: 2\nsizes: 4 2")).geometry().size, (Index3{4, 2, 1}));
}

TEST(Nrrd, FramesMayBeTheFirstOrTheLastAxis) {
  const std::string first = nrrd(
      "space: LPS\ndimension: 4\nsizes: 2 2 2 1\nkinds: vector domain domain domain\n"
      "space directions: none (1,0,0) (0,1,0) (0,0,1)");
  EXPECT_THAT(read_frame(as_bytes(first), 1).as<std::uint8_t>(), ElementsAre(2, 4, 6, 8));
  const std::string last =
      nrrd("space: LPS\ndimension: 4\nsizes: 2 2 1 2\nspace directions: (1,0,0) (0,1,0) (0,0,1) none");
  EXPECT_THAT(read_frame(as_bytes(last), 1).as<std::uint8_t>(), ElementsAre(5, 6, 7, 8));
  EXPECT_ERROR(read(last), ErrorCode::wrong_usage);
  EXPECT_ERROR(read(nrrd("space: LPS\ndimension: 4\nsizes: 2 2 1 2\nspace directions: (1,0,0) none (0,1,0) (0,0,1)")),
               ErrorCode::unsupported);
}

TEST(Nrrd, TextBigEndianAndSkippedBytesAreRead) {
  EXPECT_THAT(
      read("NRRD0001\ntype: short\nencoding: ascii\ndimension: 3\nsizes: 2 1 2\n\n1 -2\n3, 4\n").as<std::int16_t>(),
      ElementsAre(1, -2, 3, 4));
  EXPECT_THAT(read("NRRD0001\ntype: float\nencoding: txt\ndimension: 2\nsizes: 2 1\n\n1.5 -2e3").as<float>(),
              ElementsAre(1.5, -2000));
  EXPECT_THAT(
      read(std::string("NRRD0001\ntype: short\nendian: big\nencoding: raw\ndimension: 2\nsizes: 2 1\n\n\1\2\3\4"))
          .as<std::int16_t>(),
      ElementsAre(258, 772));
  EXPECT_THAT(read(nrrd("dimension: 2\nsizes: 2 1\nbyte skip: 3")).as<std::uint8_t>(), ElementsAre(4, 5));
  EXPECT_THAT(read(nrrd("dimension: 2\nsizes: 2 1\nbyte skip: -1")).as<std::uint8_t>(), ElementsAre(7, 8));
}

TEST(Nrrd, ADetachedHeaderMaySkipLinesAndBytes) {
  const Scratch scratch;
  write_file_atomically(scratch / "voxels of mine.raw", as_bytes("one\ntwo\nxabcd"));
  write_file_atomically(scratch / "a.nhdr",
                        as_bytes("NRRD0004\r\ntype: uchar\r\nencoding: raw\r\ndimension: 2\r\nsizes: 2 2\r\n"
                                 "line skip: 2\r\nbyte skip: 1\r\ndatafile: voxels of mine.raw\r\n"));
  EXPECT_THAT(read_image(scratch / "a.nhdr").as<std::uint8_t>(), ElementsAre('a', 'b', 'c', 'd'));
}

TEST(Nrrd, ForgedHeadersAreErrors) {
  for (const char* fields : {"",
                             "dimension: 3",
                             "dimension: 3\nsizes: 2 2",
                             "dimension: 3\nsizes: 2 2 -2",
                             "dimension: 3\nsizes: 0 2 2",
                             "dimension: 3\nsizes: 2 2 x",
                             "dimension: 0\nsizes:",
                             "dimension: 99999999999999999999\nsizes: 1",
                             "dimension: 3\nsizes: 3 2 2",
                             "dimension: 3\nsizes: 4294967296 4294967296 4294967296",
                             "dimension: 3\nsizes: 2 2 2\nsizes: 2 2 2",
                             "dimension: 3\nsizes: 2 2 2\nspacings: 1 1",
                             "dimension: 3\nsizes: 2 2 2\nspacings: 1 0 1",
                             "dimension: 3\nsizes: 2 2 2\nspacings: 1 inf 1",
                             "dimension: 3\nsizes: 2 2 2\nspace directions: (1,0,0) (0,nan,0) (0,0,1)",
                             "dimension: 3\nsizes: 2 2 2\nspace directions: (1,0,0) (0,0,0) (0,0,1)",
                             "dimension: 3\nsizes: 2 2 2\nspace directions: (1,0,0) (0,1,0)",
                             "dimension: 3\nsizes: 2 2 2\nspace directions: (1,0,0,0,0) (0,1,0) (0,0,1)",
                             "dimension: 3\nsizes: 2 2 2\nbyte skip: -2",
                             "dimension: 3\nsizes: 2 2 2\nbyte skip: 9223372036854775807",
                             "dimension: 3\nsizes: 2 2 2\nno colon",
                             "dimension: 3\nsizes: 2 2 2\nspace origin: (1,2"}) {
    SCOPED_TRACE(fields);
    EXPECT_ERROR(read(nrrd(fields)), ErrorCode::bad_input);
  }
  EXPECT_ERROR(read(nrrd("dimension: 3\nsizes: 2049 2048 2048")), ErrorCode::too_large);
  EXPECT_ERROR(read(nrrd("dimension: 3\nsizes: 2 2 2\nspace directions: (1,0,0) (1,1,0) (0,0,1)")),
               ErrorCode::unsupported);
  EXPECT_ERROR(read("NRRD0004\ntype: block\nencoding: raw\ndimension: 1\nsizes: 1\n\nx"), ErrorCode::unsupported);
  EXPECT_ERROR(read("NRRD0004\ntype: uchar\nencoding: bzip2\ndimension: 1\nsizes: 1\n\nx"), ErrorCode::unsupported);
  EXPECT_ERROR(read("NRRD0004\ntype: uchar\nencoding: ascii\ndimension: 3\nsizes: 2000 2000 2000\n\n1 2 3"),
               ErrorCode::bad_input);
  EXPECT_ERROR(read("NRRD0004\ntype: uchar\nencoding: ascii\ndimension: 2\nsizes: 2 1\n\n1 300"), ErrorCode::bad_input);
  EXPECT_ERROR(read("NRRD0004\ntype: uchar\nencoding: ascii\ndimension: 2\nsizes: 2 1\n\n1 1.5"), ErrorCode::bad_input);
  EXPECT_ERROR(read("NRRD0004\ntype: uchar\nencoding: raw\ndimension: 3\nsizes: 1 1 1\ndata file: LIST\n\na\nb"),
               ErrorCode::unsupported);
  EXPECT_ERROR(read("NRRD0004\ntype: uchar\nencoding: raw\ndimension: 3\nsizes: 1 1 1\ndata file: a%d.raw 0 10 1\n\n"),
               ErrorCode::unsupported);
  EXPECT_ERROR(read("NRRD0004\n" + std::string(2 << 20, '#')), ErrorCode::bad_input);
}

std::string meta(std::string_view fields, std::string_view data = "\1\2\3\4\5\6\7\10") {
  return fmt::format("ObjectType = Image\nElementType = MET_UCHAR\n{}\nElementDataFile = LOCAL\n{}", fields, data);
}

TEST(MetaImage, DirectionIsOneRowPerAxis) {
  const Geometry g = read(meta("NDims = 3\nDimSize = 2 2 2\nTransformMatrix = 0 1 0 -1 0 0 0 0 1\nOffset = 1 2 "
                               "3\nElementSpacing = 4 5 6"))
                         .geometry();
  EXPECT_EQ(g.direction, (Mat3{{{0, -1, 0}, {1, 0, 0}, {0, 0, 1}}}));
  EXPECT_EQ(g.origin_mm, (Vec3{1, 2, 3}));
  EXPECT_EQ(g.spacing_mm, (Vec3{4, 5, 6}));
}

TEST(MetaImage, ChannelsAndTimesAreFrames) {
  const std::string channels = meta("NDims = 3\nDimSize = 2 2 1\nElementNumberOfChannels = 2");
  EXPECT_THAT(read_frame(as_bytes(channels), 1).as<std::uint8_t>(), ElementsAre(2, 4, 6, 8));
  const std::string times =
      meta("NDims = 4\nDimSize = 2 2 1 2\nTransformMatrix = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\nElementSpacing = 3 3 3 1");
  EXPECT_THAT(read_frame(as_bytes(times), 1).as<std::uint8_t>(), ElementsAre(5, 6, 7, 8));
  EXPECT_EQ(read_frame(as_bytes(times), 1).geometry().spacing_mm, (Vec3{3, 3, 3}));
  EXPECT_ERROR(read(times), ErrorCode::wrong_usage);
}

TEST(MetaImage, TextAndBigEndianAreRead) {
  EXPECT_THAT(
      read("NDims = 2\nDimSize = 2 1\nElementType = MET_SHORT\nBinaryData = False\nElementDataFile = LOCAL\n-7 8\n")
          .as<std::int16_t>(),
      ElementsAre(-7, 8));
  EXPECT_THAT(read("NDims = 2\nDimSize = 2 1\nElementType = MET_SHORT\nElementByteOrderMSB = True\nElementDataFile = "
                   "LOCAL\n\1\2\3\4")
                  .as<std::int16_t>(),
              ElementsAre(258, 772));
}

TEST(MetaImage, ForgedHeadersAreErrors) {
  for (const char* fields : {"",
                             "NDims = 3",
                             "NDims = 3\nDimSize = 2 2",
                             "NDims = 3\nDimSize = 2 2 -2",
                             "NDims = 3\nDimSize = 0 2 2",
                             "NDims = three\nDimSize = 2 2 2",
                             "NDims = 3\nDimSize = 3 2 2",
                             "NDims = 3\nDimSize = 2 2 2\nElementSpacing = 1 1",
                             "NDims = 3\nDimSize = 2 2 2\nElementSpacing = 1 nan 1",
                             "NDims = 3\nDimSize = 2 2 2\nElementSpacing = 1 0 1",
                             "NDims = 3\nDimSize = 2 2 2\nTransformMatrix = 1 1 0 0 1 0 0 0 1",
                             "NDims = 3\nDimSize = 2 2 2\nOffset = inf 0 0",
                             "NDims = 3\nDimSize = 4294967296 4294967296 4294967296",
                             "NDims = 3\nDimSize = 2 2 2\nCompressedData = maybe",
                             "NDims = 3\nDimSize = 2 2 2\nCompressedData = True",
                             "NDims = 3\nDimSize = 2 2 2\nCompressedData = True\nCompressedDataSize = -1",
                             "NDims = 3\nDimSize = 2 2 2\nCompressedData = True\nCompressedDataSize = 99",
                             "NDims = 3\nDimSize = 2 2 2\nHeaderSize = -2",
                             "NDims = 3\nDimSize = 2 2 2\nHeaderSize = 9223372036854775807",
                             "NDims = 3\nDimSize = 2 2 2\nElementNumberOfChannels = 0",
                             "NDims = 3\nDimSize = 2 2 2\nElementNumberOfChannels = 9223372036854775807",
                             "a line"}) {
    SCOPED_TRACE(fields);
    EXPECT_ERROR(read(meta(fields)), ErrorCode::bad_input);
  }
  EXPECT_ERROR(read(meta("NDims = 3\nDimSize = 2049 2048 2048")), ErrorCode::too_large);
  EXPECT_ERROR(read(meta("NDims = 5\nDimSize = 1 1 1 1 1")), ErrorCode::unsupported);
  EXPECT_ERROR(read("NDims = 2\nDimSize = 1 1\nElementType = MET_STRING\nElementDataFile = LOCAL\nx"),
               ErrorCode::unsupported);
  EXPECT_ERROR(read("NDims = 2\nDimSize = 1 1\nElementType = MET_UCHAR\nElementDataFile = LIST\nx"),
               ErrorCode::unsupported);
  EXPECT_ERROR(read("NDims = 2\nDimSize = 1 1\nElementType = MET_UCHAR\nElementDataFile = a%03d.raw 1 2 1\n"),
               ErrorCode::unsupported);
  EXPECT_ERROR(read("NDims = 2\nDimSize = 1 1\nElementType = MET_UCHAR\n"), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::io
