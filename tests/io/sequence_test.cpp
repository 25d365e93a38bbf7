#include "io/sequence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <sstream>

#include <fmt/format.h>

#include "expect_error.h"
#include "io/gzip.h"
#include "io/sequence_writer.h"
#include "scratch.h"

namespace sagittal::io {
namespace {

std::filesystem::path recordings() {
  const char* data = std::getenv("SAGITTAL_DATA");
  return std::filesystem::path(data != nullptr ? data : SAGITTAL_SOURCE_DIR "/../shared/data") / "us_plus";
}

SequenceReader reader_of(const std::string& text) { return {std::make_unique<std::istringstream>(text), "test"}; }

std::uint64_t sum_of(const SequenceFrame& frame) {
  const auto pixels = frame.pixels.as<std::uint8_t>();
  return std::accumulate(pixels.begin(), pixels.end(), std::uint64_t{0});
}

/// A file of frames of width 3 and height 2, pixel values 1, 2, 3 ...
std::string small_file(const std::string& lines, int frames, const std::string& type = "MET_UCHAR", int width = 1,
                       int channels = 1) {
  std::string text =
      fmt::format("ObjectType = Image\nNDims = 3\nDimSize = 3 2 {}  \nElementType = {}\n{}ElementDataFile = LOCAL\n",
                  frames, type, lines);
  for (int n = 0; n < frames * 6 * channels; ++n) {
    for (int byte = 0; byte < width; ++byte) text.push_back(static_cast<char>(byte == 0 ? n + 1 : 0));
  }
  return text;
}

std::vector<int> first_frame(const std::string& text) {
  SequenceReader reader = reader_of(text);
  SequenceFrame frame;
  EXPECT_TRUE(reader.next(frame));
  const auto pixels = frame.pixels.as<std::uint8_t>();
  return {pixels.begin(), pixels.end()};
}

TEST(Sequence, FramesComeOneByOneWithTheirFields) {
  SequenceReader reader = reader_of(small_file(
      "UltrasoundImageOrientation = MF\nUltrasoundImageType = BRIGHTNESS\nPatient = someone \n"
      "Seq_Frame0000_ProbeToTrackerTransform = 1 0 0 5 0 1 0 6 0 0 1 7 0 0 0 1 "
      "\nSeq_Frame0000_ProbeToTrackerTransformStatus = OK\n"
      "Seq_Frame0000_Timestamp = 12.25\nSeq_Frame0001_ProbeToTrackerTransform = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n"
      "Seq_Frame0001_ProbeToTrackerTransformStatus = INVALID\r\n",
      2));
  EXPECT_EQ(reader.header().width, 3);
  EXPECT_EQ(reader.header().height, 2);
  EXPECT_EQ(reader.header().frames, 2);
  EXPECT_EQ(field_of(reader.header().fields, "Patient"), "someone ");
  SequenceFrame frame;
  ASSERT_TRUE(reader.next(frame));
  EXPECT_EQ(frame.timestamp_s(), 12.25);
  EXPECT_EQ(field_of(frame.fields, "ProbeToTrackerTransform"), "1 0 0 5 0 1 0 6 0 0 1 7 0 0 0 1 ");
  EXPECT_EQ(transform_names(frame.fields), std::vector<std::string>{"ProbeToTracker"});
  const auto first = transform_of(frame.fields, "ProbeToTracker");
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->valid);
  EXPECT_EQ(first->affine.offset, (Vec3{5, 6, 7}));
  EXPECT_FALSE(transform_of(frame.fields, "StylusToTracker"));
  ASSERT_TRUE(reader.next(frame));
  EXPECT_FALSE(transform_of(frame.fields, "ProbeToTracker")->valid);
  EXPECT_FALSE(frame.timestamp_s());
  EXPECT_EQ(frame.pixels.as<std::uint8_t>()[0], 7);
  EXPECT_FALSE(reader.next(frame));
  reader.rewind();
  ASSERT_TRUE(reader.next(frame));
  EXPECT_EQ(frame.pixels.as<std::uint8_t>()[0], 1);
}

TEST(Sequence, FramesAreBroughtToMF) {
  const auto with = [](const std::string& letters, const std::string& type = "BRIGHTNESS") {
    return small_file(fmt::format("UltrasoundImageOrientation = {}\nUltrasoundImageType = {}\n", letters, type), 1);
  };
  using Pixels = std::vector<int>;
  EXPECT_EQ(first_frame(with("MF")), (Pixels{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(first_frame(with("MFA")), (Pixels{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(first_frame(with("UF")), (Pixels{3, 2, 1, 6, 5, 4}));
  EXPECT_EQ(first_frame(with("MN")), (Pixels{4, 5, 6, 1, 2, 3}));
  EXPECT_EQ(first_frame(with("UN")), (Pixels{6, 5, 4, 3, 2, 1}));
  EXPECT_EQ(first_frame(with("FM")), (Pixels{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(first_frame(with("NM")), (Pixels{3, 6, 2, 5, 1, 4}));
  EXPECT_EQ(first_frame(with("FM", "RF_REAL")), (Pixels{1, 2, 3, 4, 5, 6})) << "lines of raw data stay lines";
  SequenceReader turned = reader_of(with("FMA"));
  EXPECT_EQ(turned.header().width, 2);
  EXPECT_EQ(turned.header().height, 3);
  EXPECT_EQ(turned.header().orientation, "MFA");
  EXPECT_ERROR(reader_of(with("QF")), ErrorCode::bad_input);
}

TEST(Sequence, ColoursAndWideTypesAreRead) {
  const auto rgb = small_file("ElementNumberOfChannels = 3\nUltrasoundImageOrientation = UF\n", 1, "MET_UCHAR", 1, 3);
  EXPECT_EQ(first_frame(rgb), (std::vector<int>{7, 8, 9, 4, 5, 6, 1, 2, 3, 16, 17, 18, 13, 14, 15, 10, 11, 12}));
  SequenceReader wide = reader_of(small_file("", 1, "MET_USHORT", 2));
  SequenceFrame frame;
  ASSERT_TRUE(wide.next(frame));
  EXPECT_EQ(frame.pixels.as<std::uint16_t>()[5], 6);
  SequenceReader swapped = reader_of(small_file("BinaryDataByteOrderMSB = True\n", 1, "MET_USHORT", 2));
  ASSERT_TRUE(swapped.next(frame));
  EXPECT_EQ(frame.pixels.as<std::uint16_t>()[5], 0x600);
}

TEST(Sequence, NrrdIsReadToo) {
  std::string pixels;
  for (char value = 1; value <= 36; ++value) pixels.push_back(value);
  const Bytes packed = gzip(as_bytes(pixels));
  const std::string text =
      "NRRD0004\n# comment\ntype: unsigned char\ndimension: 4\nsizes: 3 3 2 2\nkinds: RGB-color domain domain list\n"
      "encoding: gzip\nSeq_Frame0001_ImageStatus:=OK\nUltrasoundImageOrientation:=MF\n\n" +
      std::string(as_text(packed));
  SequenceReader reader = reader_of(text);
  EXPECT_EQ(reader.header().channels, 3);
  EXPECT_EQ(reader.header().frames, 2);
  EXPECT_EQ(reader.header().orientation, "MF");
  SequenceFrame frame;
  ASSERT_TRUE(reader.next(frame) && reader.next(frame));
  EXPECT_EQ(frame.pixels.as<std::uint8_t>()[0], 19);
  EXPECT_EQ(field_of(frame.fields, "ImageStatus"), "OK");
}

TEST(Sequence, WhatIsWrittenComesBackByteForByte) {
  const Scratch folder;
  for (const bool compressed : {true, false}) {
    const auto path = folder / fmt::format("{}.igs.mha", compressed);
    SequenceHeader header;
    header.width = 5;
    header.height = 4;
    header.channels = 3;
    header.fields = {{"Offset", "1 2 3"}, {"Note", " two  spaces "}};
    SequenceWriter writer(path, header, compressed);
    std::vector<std::byte> pixels(60);
    SequenceFields fields{{"Timestamp", "0.1"}, {"Text", " = a:b "}, {"Empty", ""}};
    set_transform(fields, "ProbeToTracker",
                  {Affine{{{{0.1, -1.0 / 3, 0}, {0, 1, 0}, {0, 0, 1}}}, {1e-7, 2, 3}}, false});
    for (int n = 0; n < 3; ++n) {
      std::fill(pixels.begin(), pixels.end(), static_cast<std::byte>(n));
      writer.append(pixels, fields);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
    writer.finish();
    EXPECT_ERROR(writer.append(pixels, fields), ErrorCode::conflict);
    EXPECT_ERROR(writer.finish(), ErrorCode::conflict);
    SequenceReader reader(path);
    EXPECT_EQ(reader.header().frames, 3);
    EXPECT_EQ(reader.header().image_type, "RGB_COLOR");
    EXPECT_EQ(field_of(reader.header().fields, "Note"), " two  spaces ");
    EXPECT_EQ(field_of(reader.header().fields, "Offset"), "1 2 3");
    SequenceFrame frame;
    for (int n = 0; n < 3; ++n) {
      ASSERT_TRUE(reader.next(frame));
      EXPECT_EQ(frame.fields, fields);
      EXPECT_EQ(frame.pixels.as<std::uint8_t>()[59], n);
    }
    EXPECT_EQ(transform_of(frame.fields, "ProbeToTracker")->affine.matrix[0][1], -1.0 / 3);
    EXPECT_FALSE(transform_of(frame.fields, "ProbeToTracker")->valid);
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2) << "nothing temporary is left";
}

TEST(Sequence, AnUnfinishedRecordingLeavesNothing) {
  const Scratch folder;
  SequenceHeader header;
  header.width = header.height = 2;
  {
    SequenceWriter writer(folder / "a.mha", header);
    writer.append(std::vector<std::byte>(4), {});
    EXPECT_ERROR(writer.append(std::vector<std::byte>(5), {}), ErrorCode::bad_input);
    EXPECT_ERROR(writer.append(std::vector<std::byte>(4), {{"a", "two\nlines"}}), ErrorCode::bad_input);
    EXPECT_ERROR(writer.append(std::vector<std::byte>(4), {{"a = b", "x"}}), ErrorCode::bad_input);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  SequenceWriter none(folder / "b.mha", header);
  EXPECT_ERROR(none.finish(), ErrorCode::bad_input);
  EXPECT_THROW(SequenceWriter(folder / "nowhere/c.mha", header), Error);
}

TEST(Sequence, ForgedFilesAreRefused) {
  const std::string good = small_file("Seq_Frame0000_Timestamp = 1\n", 2);
  EXPECT_NO_THROW(reader_of(good));
  const auto with = [&](const std::string& old, const std::string& fresh) {
    std::string forged = good;
    forged.replace(forged.find(old), old.size(), fresh);
    return forged;
  };
  for (const auto& [old, fresh] : std::vector<std::pair<std::string, std::string>>{
           {"3 2 2", "3 2 3"},
           {"3 2 2", "3 2 0"},
           {"3 2 2", "-3 2 2"},
           {"3 2 2", "3"},
           {"3 2 2", "99999 2 2"},
           {"3 2 2", "3 2 1"},  // a field of a frame that is not there: see below
           {"3 2 2", "3 2 9223372036854775807"},
           {"3 2 2", "3 2 x"},
           {"ObjectType = Image", "ObjectType = Scene"},
           {"ObjectType", "Whatever"},
           {"Seq_Frame0000", "Seq_Frame9999999999999999999999"},
           {"Seq_Frame0000", "Seq_Frame-1"},
           {"Seq_Frame0000", "Seq_Frame0007"},
           {"Seq_Frame0000", "Seq_Framexyz"},
           {"ElementDataFile = LOCAL", "End"},
           {"MET_UCHAR\n", "MET_UCHAR\nElementNumberOfChannels = 2\n"},
           {"MET_UCHAR\n", "MET_UCHAR\nElementNumberOfChannels = -1\n"},
           {"MET_UCHAR\n", "MET_FLOAT\n"},
           {"MET_UCHAR\n", "MET_UCHAR\nCompressedData = maybe\n"}}) {
    SCOPED_TRACE(old + " -> " + fresh);
    if (fresh == "3 2 1") {
      EXPECT_NO_THROW(reader_of(with(old, fresh))) << "bytes behind the last frame do no harm";
    } else {
      EXPECT_ERROR(reader_of(with(old, fresh)), ErrorCode::bad_input);
    }
  }
  EXPECT_ERROR(reader_of(with("MET_UCHAR", "MET_DOUBLE")), ErrorCode::unsupported);
  EXPECT_ERROR(reader_of(with("LOCAL", "other.raw")), ErrorCode::unsupported);
  EXPECT_ERROR(reader_of(with("3 2 2", "60000 60000 2")), ErrorCode::too_large);
  EXPECT_ERROR(reader_of(std::string((std::size_t{64} << 20) + 9, 'N').replace(0, 5, "NDims")), ErrorCode::too_large);
  EXPECT_ERROR(SequenceReader("/nowhere/at/all.mha"), ErrorCode::not_found);
}

TEST(Sequence, DamagedPixelsAreNoticed) {
  const Bytes packed = zlib_compress(as_bytes(std::string(12, 'x')));
  const auto file = [&](const std::string& pixels) {
    return "ObjectType = Image\nNDims = 3\nDimSize = 3 2 2\nElementType = MET_UCHAR\nCompressedData = "
           "True\nElementDataFile = LOCAL\n" +
           pixels;
  };
  const auto read_all = [](const std::string& text) {
    SequenceReader reader = reader_of(text);
    for (SequenceFrame frame; reader.next(frame);) {
    }
  };
  const std::string whole(as_text(packed));
  EXPECT_NO_THROW(read_all(file(whole)));
  EXPECT_ERROR(read_all(file(whole.substr(0, 6))), ErrorCode::bad_input);
  EXPECT_ERROR(read_all(file("x" + whole)), ErrorCode::bad_input);
  EXPECT_ERROR(read_all(file(std::string(as_text(zlib_compress(as_bytes("short")))))), ErrorCode::bad_input);
  EXPECT_ERROR(read_all(file("")), ErrorCode::bad_input);
}

TEST(Sequence, TransformsThatAreNoneAreRefused) {
  for (const char* text :
       {"1 0 0", "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 2", "a b c", "nan 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1", ""}) {
    SCOPED_TRACE(text);
    EXPECT_ERROR(transform_of({{"AToBTransform", text}}, "AToB"), ErrorCode::bad_input);
  }
}

struct Recording {
  const char* name;
  std::int64_t frames;
  std::uint64_t first, last;  // sums of pixels, by NumPy
  double first_s, last_s;
  Vec3 last_probe_offset;
  bool stylus_seen;
};

class Recordings : public testing::TestWithParam<Recording> {};

TEST_P(Recordings, AreReadAsNumPyReadsThem) {
  const auto path = recordings() / (std::string(GetParam().name) + ".igs.mha");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  SequenceReader reader(path);
  EXPECT_EQ(reader.header().width, 820);
  EXPECT_EQ(reader.header().height, 616);
  ASSERT_EQ(reader.header().frames, GetParam().frames);
  SequenceFrame frame;
  for (std::int64_t n = 0; n < GetParam().frames; ++n) {
    ASSERT_TRUE(reader.next(frame));
    EXPECT_EQ(transform_names(frame.fields).size(), 3U);
    EXPECT_TRUE(transform_of(frame.fields, "ProbeToTracker")->valid);
    EXPECT_EQ(transform_of(frame.fields, "StylusToTracker")->valid, GetParam().stylus_seen);
    EXPECT_TRUE(is_rigid(transform_of(frame.fields, "ReferenceToTracker")->affine, 1e-4));
    if (n == 0) {
      EXPECT_EQ(sum_of(frame), GetParam().first);
      EXPECT_EQ(frame.timestamp_s(), GetParam().first_s);
    }
  }
  EXPECT_EQ(sum_of(frame), GetParam().last);
  EXPECT_EQ(frame.timestamp_s(), GetParam().last_s);
  EXPECT_EQ(transform_of(frame.fields, "ProbeToTracker")->affine.offset, GetParam().last_probe_offset);
  EXPECT_FALSE(reader.next(frame));
}

INSTANTIATE_TEST_SUITE_P(
    Plus, Recordings,
    testing::Values(
        Recording{
            "BoneUltrasound_L14", 21, 10049975, 9767533, 232.542071, 234.2611, {258.961, -49.1483, 19.0106}, true},
        Recording{
            "SpinePhantomFreehand", 21, 18036414, 17810681, 215.102186, 216.947186, {178.871, -65.364, -20.315}, true},
        Recording{"NwirePhantomFreehand",
                  97,
                  180054,
                  1311665,
                  345.627957,
                  355.783014,
                  {-188.788, -99.8812, -1957.98},
                  false}),
    [](const auto& recording) { return recording.param.name; });

TEST(Sequence, ARealRecordingComesBackWhole) {
  const auto path = recordings() / "NwirePhantomFreehand.igs.mha";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  const Scratch folder;
  SequenceReader source(path);
  SequenceWriter writer(folder / "copy.igs.mha", source.header());
  SequenceFrame frame;
  while (source.next(frame)) writer.append({frame.pixels.data(), frame.pixels.size()}, frame.fields);
  writer.finish();
  source.rewind();
  SequenceReader copy(folder / "copy.igs.mha");
  EXPECT_EQ(copy.header().orientation, "MFA");
  EXPECT_EQ(copy.header().fields, source.header().fields);
  SequenceFrame again;
  while (source.next(frame)) {
    ASSERT_TRUE(copy.next(again));
    EXPECT_EQ(again.fields, frame.fields);
    EXPECT_TRUE(std::equal(again.pixels.data(), again.pixels.data() + again.pixels.size(), frame.pixels.data()));
  }
}

}  // namespace
}  // namespace sagittal::io
