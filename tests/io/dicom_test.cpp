#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dcrleerg.h>
#include <dcmtk/dcmjpeg/djencode.h>
#include <dcmtk/dcmjpls/djencode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "dicom_writer.h"
#include "expect_error.h"
#include "io/dicom_pixels.h"
#include "io/dicom_series.h"
#include "io/image_io.h"
#include "sample_volumes.h"
#include "scratch.h"

namespace sagittal::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<Uint16> ramp(std::size_t count, Uint16 start = 0) {
  std::vector<Uint16> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<Uint16>(start + i);
  return values;
}

void write_series(const std::filesystem::path& folder, const std::string& uid, std::vector<double> heights) {
  std::filesystem::create_directories(folder);
  SliceWriter slice;
  slice.series = uid;
  for (std::size_t i = 0; i < heights.size(); ++i) {
    slice.number = static_cast<int>(i) + 1;
    slice.position[2] = heights[i];
    slice.pixels = ramp(12, static_cast<Uint16>(100 * heights[i]));
    write_file_atomically(folder / fmt::format("{}-{}.dcm", uid, i), slice.bytes());
  }
}

std::string message_of(const std::filesystem::path& path, const ReadOptions& options = {}) {
  try {
    read_image(path, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(DicomSeries, FilesInDescendingOrderAreStackedUpwards) {
  const Scratch scratch;
  write_series(scratch.path(), "1.2.3", {9, 6, 3});
  const Volume volume = read_image(scratch.path());
  EXPECT_EQ(volume.geometry(), (Geometry{{4, 3, 3}, {0.5, 0.7, 3}, {-10, -20, 3}}));
  const auto voxels = volume.as<std::int16_t>();
  EXPECT_EQ(voxels[0], 300);
  EXPECT_EQ(voxels[12], 600);
  EXPECT_EQ(voxels[35], 911);
}

TEST(DicomSeries, TheBeginningOfAFileIsEnoughToFindIt) {
  const Scratch scratch;
  const std::string long_text(90'000, 'x');
  SliceWriter slice;
  slice.more = {{DCM_TextValue, long_text}};
  slice.rows = slice.columns = 600;
  slice.pixels.resize(360'000);
  const Bytes file = slice.bytes();
  write_file_atomically(scratch / "a.dcm", file);
  const DicomBytes start = copy_dicom_start(scratch / "a.dcm");
  EXPECT_EQ(start.bytes.size(), std::size_t{1} << 19);
  const auto series = find_dicom_series({scratch / "a.dcm"}, {}, "a", copy_dicom_start);
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(series[0].info.uid, "1.2.3");
  EXPECT_EQ(read_dicom(series[0], {}, copy_dicom_file).geometry().size, (Index3{600, 600, 1}));

  write_file_atomically(scratch / "report.dcm", ByteView(file).first(70'000));
  EXPECT_EQ(copy_dicom_start(scratch / "report.dcm").bytes.size(), 70'000U) << "all of what has no pixels";
}

TEST(DicomSeries, SeveralSeriesAreListedAndChosenByUid) {
  const Scratch scratch;
  write_series(scratch / "a", "1.2.3", {0, 2});
  write_series(scratch / "b", "1.2.4", {0, 2, 4});
  write_file_atomically(scratch / "notes.txt", as_bytes("nothing"));
  EXPECT_ERROR(read_image(scratch.path()), ErrorCode::wrong_usage);
  EXPECT_THAT(message_of(scratch.path()), testing::AllOf(HasSubstr("1.2.3"), HasSubstr("1.2.4")));
  const ImageInfo info = describe_image(scratch.path());
  ASSERT_EQ(info.series.size(), 2U);
  EXPECT_EQ(info.series[0].uid, "1.2.4");
  EXPECT_EQ(info.series[0].images, 3);
  EXPECT_EQ(info.series[0].description, "Thorax ?[31m 2.0");
  ReadOptions options;
  options.series_uid = "1.2.3";
  EXPECT_EQ(read_image(scratch.path(), options).geometry().size[2], 2);
  EXPECT_EQ(describe_image(scratch.path(), options).geometry.size[2], 2);
  options.series_uid = "1.2.5";
  EXPECT_ERROR(read_image(scratch.path(), options), ErrorCode::not_found);
}

TEST(DicomSeries, ALocalizerOfTheSameSeriesIsAStackOfItsOwn) {
  const Scratch scratch;
  write_series(scratch.path(), "1.2.3", {0, 2, 4});
  SliceWriter localizer;
  localizer.number = 99;
  localizer.orientation = "1\\0\\0\\0\\0\\-1";
  write_file_atomically(scratch / "localizer", localizer.bytes());
  const ImageInfo info = describe_image(scratch.path());
  ASSERT_EQ(info.series.size(), 2U);
  EXPECT_EQ(info.series[1].uid, "1.2.3#2");
  ReadOptions options;
  options.series_uid = "1.2.3#2";
  EXPECT_EQ(orientation_code(read_image(scratch.path(), options).geometry()), "LIP");
}

TEST(DicomSeries, MissingSlicesAreAnErrorOrInterpolated) {
  const Scratch scratch;
  write_series(scratch.path(), "1.2.3", {0, 2, 4, 8});
  EXPECT_ERROR(read_image(scratch.path()), ErrorCode::bad_input);
  EXPECT_THAT(message_of(scratch.path()), HasSubstr("1 slice missing (1 between 4.00 and 8.00 mm)"));
  ReadOptions options;
  options.fill_missing_slices = true;
  std::string warning;
  options.log = [&](LogLevel, std::string_view text) { warning = text; };
  const Volume volume = read_image(scratch.path(), options);
  EXPECT_EQ(volume.geometry().size[2], 5);
  EXPECT_EQ(volume.as<std::int16_t>()[3 * 12], 600);
  EXPECT_THAT(warning, HasSubstr("missing"));
}

TEST(DicomSeries, CopiesOfAFileCountOnce) {
  const Scratch scratch;
  write_series(scratch / "a", "1.2.3", {0, 2});
  std::filesystem::copy_file(scratch / "a" / "1.2.3-0.dcm", scratch / "a" / "copy.dcm");
  EXPECT_EQ(read_image(scratch.path()).geometry().size[2], 2);
}

TEST(DicomSeries, TimePointsAreFrames) {
  const Scratch scratch;
  write_series(scratch.path(), "1.2.3", {0, 2, 4});
  SliceWriter late;
  for (int i = 0; i < 3; ++i) {
    late.number = 10 + i;
    late.position[2] = 2 * i;
    late.pixels.assign(12, 1000);
    write_file_atomically(scratch / std::to_string(i), late.bytes());
  }
  EXPECT_EQ(describe_image(scratch.path()).frames, 2);
  EXPECT_ERROR(read_image(scratch.path()), ErrorCode::wrong_usage);
  ReadOptions options;
  options.frame = 1;
  EXPECT_EQ(read_image(scratch.path(), options).as<std::int16_t>()[0], 1000);
  options.frame = 0;
  EXPECT_EQ(read_image(scratch.path(), options).as<std::int16_t>()[0], 0);
  options.frame = 2;
  EXPECT_ERROR(read_image(scratch.path(), options), ErrorCode::not_found);
}

TEST(DicomSeries, ADamagedFileIsReportedAndATruncatedSliceIsAnError) {
  const Scratch scratch;
  write_series(scratch.path(), "1.2.3", {0, 2, 4});
  Bytes damaged = read_file(scratch / "1.2.3-0.dcm", 1 << 20);
  write_file_atomically(scratch / "damaged", ByteView(damaged).first(400));
  std::string warning;
  ReadOptions options;
  options.log = [&](LogLevel, std::string_view text) { warning = text; };
  EXPECT_EQ(read_image(scratch.path(), options).geometry().size[2], 3);
  EXPECT_THAT(warning, HasSubstr("1 DICOM file passed over"));
  std::filesystem::resize_file(scratch / "1.2.3-1.dcm", std::filesystem::file_size(scratch / "1.2.3-1.dcm") - 1);
  EXPECT_THAT(message_of(scratch.path(), options), testing::AllOf(HasSubstr("1.2.3-1.dcm"), HasSubstr("truncated")));
}

TEST(DicomSeries, AFolderWithoutImagesIsNotFound) {
  const Scratch scratch;
  EXPECT_ERROR(read_image(scratch.path()), ErrorCode::not_found);
  write_file_atomically(scratch / "seg", [] {
    SliceWriter segmentation;
    segmentation.modality = "SEG";
    return segmentation.bytes();
  }());
  EXPECT_ERROR(read_image(scratch.path()), ErrorCode::not_found);
  EXPECT_ERROR(read_image(scratch / "seg"), ErrorCode::unsupported);
}

TEST(DicomPixels, SlopeAndInterceptChooseTheSmallestTypeThatHoldsAll) {
  SliceWriter slice;
  slice.pixels = ramp(12);
  EXPECT_EQ(read_image(slice.bytes(), "a").type(), ScalarType::i16);
  slice.intercept = "-1024";
  EXPECT_THAT(read_image(slice.bytes(), "a").as<std::int16_t>().first(2), ElementsAre(-1024, -1023));
  slice.bits_stored = 16;
  EXPECT_EQ(read_image(slice.bytes(), "a").type(), ScalarType::i32);
  slice.intercept = "0";
  EXPECT_EQ(read_image(slice.bytes(), "a").type(), ScalarType::u16);
  slice.slope = "0.5";
  EXPECT_THAT(read_image(slice.bytes(), "a").as<float>().first(3), ElementsAre(0, 0.5, 1));
}

TEST(DicomPixels, BitsAboveThoseStoredAreNoPartOfTheValue) {
  SliceWriter slice;
  slice.pixels.assign(12, 0xF801);
  EXPECT_EQ(read_image(slice.bytes(), "a").as<std::int16_t>()[0], 0x801);
  slice.is_signed = true;
  EXPECT_EQ(read_image(slice.bytes(), "a").as<std::int16_t>()[0], 0x801 - 0x1000);
}

TEST(DicomPixels, EveryTransferSyntaxGivesTheSamePixels) {
  DcmRLEEncoderRegistration::registerCodecs();
  DJEncoderRegistration::registerCodecs();
  DJLSEncoderRegistration::registerCodecs();
  SliceWriter slice;
  slice.rows = 33;
  slice.columns = 31;
  slice.pixels = ramp(33 * 31, 5);
  for (const bool is_signed : {false, true}) {
    slice.is_signed = is_signed;
    const Volume plain = read_image(slice.bytes(), "a");
    for (const E_TransferSyntax syntax : {EXS_LittleEndianImplicit, EXS_BigEndianExplicit, EXS_RLELossless,
                                          EXS_JPEGProcess14, EXS_JPEGProcess14SV1, EXS_JPEGLSLossless}) {
      const Volume volume = read_image(slice.bytes(syntax), DcmXfer(syntax).getXferName());
      expect_same_voxels(plain, volume);
    }
  }
}

TEST(DicomPixels, FillBytesBeforeAMarkerOfJpegArePassedOver) {
  DJEncoderRegistration::registerCodecs();
  SliceWriter slice;
  slice.pixels = ramp(12, 5);
  Bytes file = slice.bytes(EXS_JPEGProcess14SV1);
  const std::array<std::uint8_t, 3> start{0xff, 0xd8, 0xff};
  const auto stream = std::search(file.begin(), file.end(), start.begin(), start.end());
  ASSERT_GE(file.end() - stream, 10);
  stream[-4] = static_cast<std::uint8_t>(stream[-4] + 2);  // the low byte of the fragment's length
  ASSERT_GE(stream[-4], 2);
  file.insert(stream + 2, 2, 0xff);
  expect_same_voxels(read_image(slice.bytes(), "a"), read_image(file, "b"));
}

TEST(DicomPixels, SeveralThreadsDecodeTheSameSeries) {
  DJEncoderRegistration::registerCodecs();
  const Scratch scratch;
  SliceWriter slice;
  for (int i = 0; i < 20; ++i) {
    slice.number = i + 1;
    slice.position[2] = 2 * i;
    slice.pixels = ramp(12, static_cast<Uint16>(100 * i));
    write_file_atomically(scratch / std::to_string(i),
                          slice.bytes(i % 2 == 0 ? EXS_JPEGProcess14SV1 : EXS_LittleEndianImplicit));
  }
  const Volume alone = read_image(scratch.path());
  EXPECT_EQ(alone.as<std::int16_t>().back(), 1911);
  ThreadPool pool(4);
  ReadOptions options;
  options.pool = &pool;
  expect_same_voxels(alone, read_image(scratch.path(), options));
}

TEST(DicomPixels, MultiFrameFilesAreStacksInEverySyntax) {
  DcmRLEEncoderRegistration::registerCodecs();
  SliceWriter slice;
  slice.frames = 3;
  slice.pixels = ramp(36);
  for (const E_TransferSyntax syntax : {EXS_LittleEndianExplicit, EXS_RLELossless}) {
    const Volume volume = read_image(slice.bytes(syntax), "a");
    EXPECT_EQ(volume.geometry().size, (Index3{4, 3, 3}));
    EXPECT_EQ(volume.geometry().spacing_mm[2], 2.5);
    EXPECT_EQ(volume.as<std::int16_t>()[35], 35);
  }
}

TEST(DicomForged, ContradictoryHeadersAreErrors) {
  const auto refused = [](auto change) {
    SliceWriter slice;
    change(slice);
    EXPECT_THROW(read_image(slice.bytes(), "a"), Error);
  };
  refused([](SliceWriter& s) { s.rows = 0; });
  refused([](SliceWriter& s) { s.rows = 65535, s.columns = 65535; });
  refused([](SliceWriter& s) { s.frames = 2; });
  refused([](SliceWriter& s) { s.bits_stored = 17; });
  refused([](SliceWriter& s) { s.spacing = "0\\1"; });
  refused([](SliceWriter& s) { s.spacing = "nan\\1"; });
  refused([](SliceWriter& s) { s.spacing = "one\\two"; });
  refused([](SliceWriter& s) { s.orientation = "1\\0\\0\\1\\0\\0"; });
  refused([](SliceWriter& s) { s.position[0] = INFINITY; });
}

TEST(DicomForged, TruncationAnywhereIsAnError) {
  DcmRLEEncoderRegistration::registerCodecs();
  for (const E_TransferSyntax syntax : {EXS_LittleEndianExplicit, EXS_LittleEndianImplicit, EXS_RLELossless}) {
    const Bytes file = SliceWriter().bytes(syntax);
    for (std::size_t size = 0; size < file.size(); ++size) {
      EXPECT_THROW(read_image(ByteView(file).first(size), "a"), Error) << size << " of " << file.size();
    }
  }
}

TEST(DicomForged, RunLengthSegmentsThatDoNotFillTheirPlaneAreErrors) {
  PixelFormat format;
  format.rows = format.columns = 2;
  const auto frame = [](std::uint8_t segments, std::uint8_t second, const Bytes& packed) {
    Bytes bytes(64 + packed.size());
    bytes[0] = segments, bytes[4] = 64, bytes[8] = second;
    std::copy(packed.begin(), packed.end(), bytes.begin() + 64);
    return bytes;
  };
  const auto decode = [&](const Bytes& bytes) { return decode_rle(bytes, format, "a"); };
  EXPECT_THAT(decode(frame(2, 66, {0xfd, 9, 3, 1, 2, 3, 4})), ElementsAre(1, 9, 2, 9, 3, 9, 4, 9));
  EXPECT_THAT(decode(frame(2, 67, {0x80, 0xfd, 9, 0xff, 1, 1, 3, 4, 0})), ElementsAre(1, 9, 1, 9, 3, 9, 4, 9));
  EXPECT_ERROR(decode(frame(2, 66, {0xfd, 9, 3, 1, 2, 3})), ErrorCode::bad_input);  // a literal beyond the end
  EXPECT_ERROR(decode(frame(2, 66, {0xfd, 9, 0xfe, 1})), ErrorCode::bad_input);     // a pixel short
  EXPECT_ERROR(decode(frame(2, 66, {0xfd, 9, 0xfd})), ErrorCode::bad_input);        // a run of nothing
  EXPECT_ERROR(decode(frame(1, 66, {0xfd, 9, 0xfd, 9})), ErrorCode::bad_input);     // a plane missing
  EXPECT_ERROR(decode(frame(2, 200, {0xfd, 9, 0xfd, 9})), ErrorCode::bad_input);    // a segment outside
  EXPECT_ERROR(decode(frame(2, 10, {0xfd, 9, 0xfd, 9})), ErrorCode::bad_input);     // a segment in the header
  EXPECT_ERROR(decode(Bytes(63)), ErrorCode::bad_input);
}

TEST(DicomForged, JpegStreamsWithoutOneFrameHeaderThatFitsAreErrors) {
  PixelFormat format;
  format.rows = 2, format.columns = 3;
  format.transfer_syntax = "1.2.840.10008.1.2.4.57";
  const auto expect_refused = [&](const Bytes& frame) {
    EXPECT_ERROR(decode_frame(frame, format, "a"), ErrorCode::bad_input);
  };
  const Bytes scan{0xff, 0xda, 0, 8, 1, 1, 0, 1, 0, 0};
  const auto stream = [&](const Bytes& segments) {
    Bytes bytes{0xff, 0xd8};
    for (const Bytes* part : {&segments, &scan}) {
      for (const std::uint8_t byte : *part) bytes.push_back(byte);
    }
    return bytes;
  };
  expect_refused({});
  expect_refused({0xff, 0xd8});
  expect_refused(stream({}));                                                  // no frame header
  expect_refused(stream({0xff, 0xe0, 0, 0}));                                  // a segment of no length
  expect_refused(stream({0xff, 0xe0, 0xff, 0xff}));                            // a segment beyond the end
  expect_refused(stream({0xff, 0xc3, 0, 11, 16, 0, 3, 0, 2, 1, 1, 0x11, 0}));  // rows and columns exchanged
  expect_refused(stream({0xff, 0xf7, 0, 11, 16, 0, 2, 0, 3, 1, 1, 0x11, 0}));  // the frame header of JPEG-LS
  expect_refused(stream({0xff, 0xc3, 0, 17, 16, 0, 2, 0, 3, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0}));  // colour
}

TEST(DicomForged, DeepNestingIsAnErrorNotACrash) {
  Bytes file = SliceWriter().bytes();
  file.resize(400);
  file.resize(132 + 0);
  const std::uint8_t sequence[] = {0x08, 0x00, 0x15, 0x11, 'S', 'Q', 0, 0, 0xff, 0xff, 0xff, 0xff};
  const std::uint8_t item[] = {0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff};
  for (int i = 0; i < 200000; ++i) {
    file.insert(file.end(), std::begin(sequence), std::end(sequence));
    file.insert(file.end(), std::begin(item), std::end(item));
  }
  EXPECT_ERROR(read_image(file, "a"), ErrorCode::bad_input);
}

TEST(DicomReal, TheChaosSeriesLiesOnTheGridOfItsLabel) {
  const char* named = std::getenv("SAGITTAL_DATA");
  const std::filesystem::path folder = named != nullptr ? named : SAGITTAL_SOURCE_DIR "/../shared/data";
  if (!std::filesystem::exists(folder / "ct_chaos_liver")) GTEST_SKIP() << "no scans at " << folder;
  ThreadPool pool(2);
  ReadOptions options;
  options.pool = &pool;
  const Volume image = read_image(folder / "ct_chaos_liver/dicom", options);
  const Volume label = read_image(folder / "ct_chaos_liver/label.nii.gz");
  EXPECT_TRUE(same_grid(image.geometry(), label.geometry()));
  double sum = 0, count = 0;
  const auto values = to_float(image);
  const auto inside = to_mask(label);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (inside.as<std::uint8_t>()[i] != 0) sum += values[i], ++count;
  }
  EXPECT_GT(sum / count, 50) << "mean HU of a liver in a portal phase";
  EXPECT_LT(sum / count, 250);
}

}  // namespace
}  // namespace sagittal::io
