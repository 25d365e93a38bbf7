#include "stream/igtl/contents.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "expect_error.h"
#include "stream/igtl/polydata.h"
#include "vectors.h"

namespace sagittal::igtl {
namespace {

/// Version 1 where the library packs it; the content is the same in both.
Bytes content(const std::string& type) {
  const auto& all = vectors();
  const int version = all.contains({type, 1}) ? 1 : 2;
  const Received message = take_apart(all.at({type, version}));
  return {message.content.begin(), message.content.end()};
}

TEST(IgtlContents, PosesAreRead) {
  const Matrix matrix = read_transform(content("TRANSFORM"));
  EXPECT_EQ(matrix, (Matrix{0.5F, 1.5F, 2.5F, 10.5F, 11.5F, 12.5F, 20.5F, 21.5F, 22.5F, 30.5F, 31.5F, 32.5F}));
  const Position position = read_position(content("POSITION"));
  EXPECT_EQ(position.position, (Point3{1.5F, -2, 3}));
  EXPECT_EQ(position.quaternion, (std::array<float, 4>{0.5F, 0.5F, -0.5F, 0.5F}));
  const auto tools = read_tracking(content("TDATA"));
  ASSERT_EQ(tools.size(), 1u);
  EXPECT_EQ(tools[0].name, "probe");
  EXPECT_EQ(tools[0].tool, Tool::instrument_5d);
  EXPECT_EQ(tools[0].matrix, matrix);
  const auto turned = read_quaternion_tracking(content("QTDATA"));
  EXPECT_EQ(turned.at(0).position, (Point3{1, 2, 3}));
}

TEST(IgtlContents, ShortPositionsHaveAQuaternion) {
  Position position{.position = {1, 2, 3}, .quaternion = {0.5F, 0.5F, -0.5F, 0.5F}};
  position.form = Position::Form::without_w;
  EXPECT_FLOAT_EQ(read_position(write_position(position)).quaternion[3], 0.5F);
  position.form = Position::Form::position_only;
  EXPECT_EQ(read_position(write_position(position)).quaternion[3], 1);
}

TEST(IgtlContents, WordsAreRead) {
  EXPECT_EQ(read_string(content("STRING")).text, "gr\xC3\xBC\xC3\x9F Gott");
  const Status status = read_status(content("STATUS"));
  EXPECT_EQ(status.code, 6);
  EXPECT_EQ(status.detail, -5);
  EXPECT_EQ(status.name, "name");
  EXPECT_EQ(status.message, "in words");
  EXPECT_EQ(read_capability(content("CAPABILITY")), (std::vector<std::string>{"IMAGE", "GET_IMAGE", "TRANSFORM"}));
  const Command command = read_command(content("COMMAND"));
  EXPECT_EQ(command.id, 9u);
  EXPECT_EQ(command.name, "Start");
  EXPECT_EQ(command.text.text, "<Command/>");
}

TEST(IgtlContents, MarksAndWaysAreRead) {
  const auto points = read_points(content("POINT"));
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[1].name, "tip");
  EXPECT_EQ(points[1].colour, (Colour{1, 2, 3, 4}));
  EXPECT_EQ(points[1].diameter_mm, 8);
  EXPECT_EQ(points[1].owner, "owner");
  const auto ways = read_trajectories(content("TRAJ"));
  EXPECT_EQ(ways.at(0).target, (Point3{8, 9, 10}));
  EXPECT_EQ(ways.at(0).kind, 3);
}

TEST(IgtlContents, CataloguesAreRead) {
  const auto images = read_image_meta(content("IMGMETA"));
  EXPECT_EQ(images.at(0).modality, "CT");
  EXPECT_EQ(images.at(0).patient_id, "4711");
  EXPECT_EQ(images.at(0).size, (Size3{512, 511, 40}));
  const auto labels = read_label_meta(content("LBMETA"));
  EXPECT_EQ(labels.at(0).label, 5);
  EXPECT_EQ(labels.at(0).owner, "scan");
  const auto videos = read_video_meta(content("VIDEOMETA"));
  EXPECT_EQ(videos.at(0).device, "endoscope");
  EXPECT_EQ(videos.at(0).zoom, -2);
  EXPECT_EQ(videos.at(0).focal_length, 35.5);
  EXPECT_EQ(videos.at(0).size, (Size3{640, 480, 1}));
}

TEST(IgtlContents, NumbersAreRead) {
  const NdArray array = read_nd_array(content("NDARRAY"));
  EXPECT_EQ(array.size, (std::vector<std::uint16_t>{2, 3}));
  float last = 0;
  ASSERT_EQ(array.values.size(), 24u);
  std::memcpy(&last, array.values.data() + 20, 4);
  EXPECT_EQ(last, 2.5F);
  const Sensor sensor = read_sensor(content("SENSOR"));
  EXPECT_EQ(sensor.values, (std::vector<double>{0, 0.25, 0.5}));
  const ColourTable table = read_colour_table(content("COLORT"));
  EXPECT_EQ(table.map, ColourTable::Map::uint16);
  std::uint16_t entry = 0;
  std::memcpy(&entry, table.entries.data() + 510, 2);
  EXPECT_EQ(entry, 765);
}

TEST(IgtlContents, ASurfaceIsRead) {
  const PolyData surface = read_poly_data(content("POLYDATA"));
  ASSERT_EQ(surface.points_mm.size(), 4u);
  EXPECT_EQ(surface.points_mm[3], (std::array<float, 3>{3, 6, 0.5F}));
  EXPECT_EQ(surface.polygons, (PolyData::Cells{{0, 1, 2}, {0, 1, 2, 3}}));
  EXPECT_EQ(surface.lines, (PolyData::Cells{{0, 1}}));
  ASSERT_EQ(surface.attributes.size(), 1u);
  EXPECT_EQ(surface.attributes[0].name, "heat");
  EXPECT_EQ(surface.attributes[0].values, (std::vector<float>{0, 0.25F, 0.5F, 1}));
}

TEST(IgtlContents, BoundMessagesAreRead) {
  const Bytes bytes = content("BIND");
  const auto parts = read_bind(bytes);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].name, "first");
  EXPECT_EQ(read_string(parts[0].content).text, "odd");
  EXPECT_EQ(parts[1].type, "TRANSFORM");
  EXPECT_EQ(read_transform(parts[1].content)[11], 32.5F);
}

TEST(IgtlContents, WishesAndAnswersAreRead) {
  const StreamWish wish{.interval_ms = 50, .coordinates = "Reference"};
  EXPECT_EQ(read_tracking_wish(write_tracking_wish(wish)).coordinates, "Reference");
  EXPECT_EQ(read_tracking_wish({}).interval_ms, 0u);
  EXPECT_TRUE(read_ready(write_ready(true)));
  EXPECT_FALSE(read_ready(write_ready(false)));
  EXPECT_TRUE(read_ready({}));
}

/// What reads and writes again.
const std::map<std::string, std::function<Bytes(ByteView)>> kRoundTrips{
    {"TRANSFORM", [](ByteView c) { return write_transform(read_transform(c)); }},
    {"POSITION", [](ByteView c) { return write_position(read_position(c)); }},
    {"STRING", [](ByteView c) { return write_string(read_string(c)); }},
    {"STATUS", [](ByteView c) { return write_status(read_status(c)); }},
    {"CAPABILITY", [](ByteView c) { return write_capability(read_capability(c)); }},
    {"COMMAND", [](ByteView c) { return write_command(read_command(c)); }},
    {"POINT", [](ByteView c) { return write_points(read_points(c)); }},
    {"TRAJ", [](ByteView c) { return write_trajectories(read_trajectories(c)); }},
    {"TDATA", [](ByteView c) { return write_tracking(read_tracking(c)); }},
    {"QTDATA", [](ByteView c) { return write_quaternion_tracking(read_quaternion_tracking(c)); }},
    {"IMGMETA", [](ByteView c) { return write_image_meta(read_image_meta(c)); }},
    {"LBMETA", [](ByteView c) { return write_label_meta(read_label_meta(c)); }},
    {"VIDEOMETA", [](ByteView c) { return write_video_meta(read_video_meta(c)); }},
    {"NDARRAY", [](ByteView c) { return write_nd_array(read_nd_array(c)); }},
    {"SENSOR", [](ByteView c) { return write_sensor(read_sensor(c)); }},
    {"COLORT", [](ByteView c) { return write_colour_table(read_colour_table(c)); }},
    {"POLYDATA", [](ByteView c) { return write_poly_data(read_poly_data(c)); }},
    {"BIND", [](ByteView c) { return write_bind(read_bind(c)); }},
};

TEST(IgtlContents, WhatIsWrittenIsTheSameBytes) {
  for (const auto& [type, again] : kRoundTrips) EXPECT_EQ(again(content(type)), content(type)) << type;
}

TEST(IgtlContents, CutOnesAreRefusedOrShorter) {
  for (const auto& [type, again] : kRoundTrips) {
    const Bytes whole = content(type);
    std::size_t refused = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      try {
        again(ByteView(whole).first(size));
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::bad_input) << type;
        ++refused;
      }
    }
    EXPECT_GT(refused, whole.size() / 3) << type;
  }
}

TEST(IgtlContents, ForgedOnesAreRefused) {
  const auto forged = [](const std::string& type, std::size_t at, std::initializer_list<std::uint8_t> values) {
    Bytes bytes = content(type);
    std::copy(values.begin(), values.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    return kRoundTrips.at(type)(bytes);
  };
  EXPECT_ERROR(forged("STRING", 2, {0xFF, 0xFF}), ErrorCode::bad_input);
  EXPECT_ERROR(forged("STRING", 2, {0, 0}), ErrorCode::bad_input);
  EXPECT_ERROR(forged("COMMAND", 134, {0xFF, 0xFF, 0xFF, 0xFF}), ErrorCode::bad_input);
  EXPECT_ERROR(forged("TDATA", 20, {9}), ErrorCode::bad_input);
  EXPECT_ERROR(forged("QTDATA", 20, {0}), ErrorCode::bad_input);
  EXPECT_ERROR(forged("NDARRAY", 0, {1}), ErrorCode::bad_input);
  EXPECT_ERROR(forged("NDARRAY", 1, {200}), ErrorCode::bad_input);
  EXPECT_ERROR(forged("NDARRAY", 2, {0xFF, 0xFF, 0xFF, 0xFF}), ErrorCode::bad_input);
  EXPECT_ERROR(forged("SENSOR", 0, {255}), ErrorCode::bad_input);
  EXPECT_ERROR(forged("COLORT", 0, {4}), ErrorCode::bad_input);
  EXPECT_ERROR(forged("COLORT", 1, {19}), ErrorCode::bad_input);
  EXPECT_ERROR(forged("BIND", 0, {0xFF, 0xFF}), ErrorCode::bad_input);
  EXPECT_ERROR(forged("BIND", 14, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}), ErrorCode::bad_input);
  for (const std::size_t at : {0, 4, 8, 12, 16, 20, 24, 28, 32, 36}) {
    EXPECT_ERROR(forged("POLYDATA", at, {0xFF, 0xFF, 0xFF, 0xFF}), ErrorCode::bad_input);
  }
  EXPECT_ERROR(forged("POLYDATA", 88 + 4, {0, 0, 0, 4}), ErrorCode::bad_input);  // a point that is not there
  EXPECT_ERROR(forged("POLYDATA", 88, {0xFF, 0xFF, 0xFF, 0xFF}), ErrorCode::bad_input);
}

TEST(IgtlContents, WhatTheFormatCannotHoldIsNotSent) {
  EXPECT_ERROR(write_string({std::string(65'536, 'x')}), ErrorCode::too_large);
  EXPECT_ERROR(write_sensor({.values = std::vector<double>(256)}), ErrorCode::too_large);
  EXPECT_ERROR(write_colour_table({.entries = Bytes(10)}), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::igtl
