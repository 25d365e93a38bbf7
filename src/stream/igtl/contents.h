#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "stream/igtl/image.h"

namespace sagittal::igtl {

/// What messages hold, beside IMAGE and VIDEO (image.h) and POLYDATA (polydata.h). Each `read_…` takes a content as
/// `Received` has it and throws Error(bad_input) for another; each `write_…` is its inverse, and cuts texts that are
/// longer than their field. Lists are as long as their content, at most what a message may have.

using Colour = std::array<std::uint8_t, 4>;  ///< red, green, blue, opacity
using Point3 = std::array<float, 3>;         ///< millimetres

/// TRANSFORM.
Matrix read_transform(ByteView content);
Bytes write_transform(const Matrix& matrix);

/// POSITION, and its other name QTRANS.
struct Position {
  Point3 position{};
  std::array<float, 4> quaternion{0, 0, 0, 1};  ///< x, y, z, w
  enum class Form { position_only, without_w, whole } form = Form::whole;
};
Position read_position(ByteView content);
Bytes write_position(const Position& position);

enum class Tool : std::uint8_t { tracker = 1, instrument_6d = 2, instrument_3d = 3, instrument_5d = 4 };

/// TDATA.
struct TrackedMatrix {
  std::string name;
  Tool tool = Tool::instrument_6d;
  Matrix matrix{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};
};
std::vector<TrackedMatrix> read_tracking(ByteView content);
Bytes write_tracking(const std::vector<TrackedMatrix>& tools);

/// QTDATA.
struct TrackedQuaternion {
  std::string name;
  Tool tool = Tool::instrument_6d;
  Point3 position{};
  std::array<float, 4> quaternion{0, 0, 0, 1};
};
std::vector<TrackedQuaternion> read_quaternion_tracking(ByteView content);
Bytes write_quaternion_tracking(const std::vector<TrackedQuaternion>& tools);

/// STRING.
struct Text {
  std::string text;
  std::uint16_t encoding = 106;  ///< UTF-8; 3: ASCII
};
Text read_string(ByteView content);
/// Error(too_large) beyond 65535 bytes.
Bytes write_string(const Text& text);

/// STATUS.
struct Status {
  std::uint16_t code = 1;  ///< 1: all is well
  std::int64_t detail = 0;
  std::string name, message;
};
Status read_status(ByteView content);
Bytes write_status(const Status& status);

/// CAPABILITY: names of messages.
std::vector<std::string> read_capability(ByteView content);
Bytes write_capability(const std::vector<std::string>& types);

/// COMMAND, and RTS_COMMAND where `name` is how it went.
struct Command {
  std::uint32_t id = 0;
  std::string name;
  Text text;
};
Command read_command(ByteView content);
Bytes write_command(const Command& command);

/// POINT.
struct Landmark {
  std::string name, group;
  Colour colour{255, 255, 255, 255};
  Point3 position{};
  float diameter_mm = 0;
  std::string owner;  ///< the image it belongs to
};
std::vector<Landmark> read_points(ByteView content);
Bytes write_points(const std::vector<Landmark>& points);

/// TRAJ.
struct Trajectory {
  std::string name, group;
  std::uint8_t kind = 3;  ///< 1: entry only, 2: target only, 3: both
  Colour colour{255, 255, 255, 255};
  Point3 entry{}, target{};
  float diameter_mm = 0;
  std::string owner;
};
std::vector<Trajectory> read_trajectories(ByteView content);
Bytes write_trajectories(const std::vector<Trajectory>& trajectories);

/// IMGMETA: an image that can be asked for.
struct ImageMeta {
  std::string name, device, modality, patient_name, patient_id;
  std::uint64_t timestamp = 0;
  Size3 size{};
  std::uint8_t scalar = 0;
};
std::vector<ImageMeta> read_image_meta(ByteView content);
Bytes write_image_meta(const std::vector<ImageMeta>& images);

/// LBMETA: a label of a label image.
struct LabelMeta {
  std::string name, device;
  std::uint8_t label = 0;
  Colour colour{};
  Size3 size{};
  std::string owner;
};
std::vector<LabelMeta> read_label_meta(ByteView content);
Bytes write_label_meta(const std::vector<LabelMeta>& labels);

/// VIDEOMETA: a video that can be asked for.
struct VideoMeta {
  std::string name, device, patient_name, patient_id;
  std::int16_t zoom = 0;
  double focal_length = 0;
  Size3 size{};
  Matrix matrix{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};
  std::uint8_t scalar = 0;
};
std::vector<VideoMeta> read_video_meta(ByteView content);
Bytes write_video_meta(const std::vector<VideoMeta>& videos);

/// NDARRAY; `values` are in this machine's byte order.
struct NdArray {
  Scalar scalar = Scalar::float64;
  std::vector<std::uint16_t> size;
  Bytes values;
};
NdArray read_nd_array(ByteView content);
Bytes write_nd_array(const NdArray& array);

/// SENSOR.
struct Sensor {
  std::uint8_t status = 0;
  std::uint64_t unit = 0;  ///< packed as the specification says
  std::vector<double> values;
};
Sensor read_sensor(ByteView content);
/// Error(too_large) beyond 255 values.
Bytes write_sensor(const Sensor& sensor);

/// COLORT: for each index a grey value or a colour.
struct ColourTable {
  bool wide_index = false;  ///< 65536 entries instead of 256
  enum class Map : std::uint8_t { uint8 = 3, uint16 = 5, rgb = 19 } map = Map::rgb;
  Bytes entries;  ///< uint16 in this machine's byte order
};
ColourTable read_colour_table(ByteView content);
Bytes write_colour_table(const ColourTable& table);

/// BIND: messages in one.
struct Bound {
  std::string type, name;
  ByteView content;
};
std::vector<Bound> read_bind(ByteView content);
Bytes write_bind(const std::vector<Bound>& parts);

/// STT_…: "send from now on". `coordinates` of tracking, `codec` of video.
struct StreamWish {
  std::uint32_t interval_ms = 0;
  std::string coordinates;
};
StreamWish read_tracking_wish(ByteView content);
Bytes write_tracking_wish(const StreamWish& wish);

/// RTS_…: whether it will; empty contents mean yes.
bool read_ready(ByteView content);
Bytes write_ready(bool good);

}  // namespace sagittal::igtl
