#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "stream/frame.h"

namespace sagittal::stream {

/// What ports carry beside frames (frame.h). Positions are millimetres in LPS.

/// Where one coordinate system lies in another: `to = rotation * from + translation`, in LPS.
struct Transform {
  static constexpr std::string_view kValueName = "transform";
  std::string name;  ///< "ProbeToTracker"
  Mat3 matrix{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  Vec3 translation_mm{0, 0, 0};
  bool valid = true;  ///< the tracker saw it
};

/// The tools of one moment.
struct Tracking {
  static constexpr std::string_view kValueName = "tracking";
  std::vector<Transform> tools;
};

/// UTF-8.
struct Text {
  static constexpr std::string_view kValueName = "text";
  std::string text;
};

struct Point {
  std::string name, group;
  Vec3 position_mm{};
  double diameter_mm = 0;
  std::array<std::uint8_t, 4> colour{255, 255, 255, 255};  ///< red, green, blue, opacity
};
/// Detections, landmarks.
struct Points {
  static constexpr std::string_view kValueName = "points";
  std::vector<Point> points;
};

/// Contours, paths.
struct Polylines {
  static constexpr std::string_view kValueName = "polylines";
  struct Line {
    std::vector<Vec3> points_mm;
    bool closed = false;
    int label = 1;
  };
  std::vector<Line> lines;
};

/// Numbers of a network, float32, last axis fastest.
struct Tensor {
  static constexpr std::string_view kValueName = "tensor";
  std::string name;
  std::vector<std::int64_t> shape;
  SharedBytes values;
  Geometry geometry;  ///< of the frame it was made from

  std::span<const float> floats() const {
    return {reinterpret_cast<const float*>(values.view().data()), values.size() / sizeof(float)};
  }
};

/// A frame as a codec made it.
struct Encoded {
  static constexpr std::string_view kValueName = "encoded";
  std::string codec;  ///< four characters
  bool key_frame = false;
  std::uint8_t kind = 0;  ///< of the codec's own
  bool grey = false;
  Geometry geometry;
  SharedBytes bytes;
};

/// Something to be done, and the answer's address.
struct Command {
  static constexpr std::string_view kValueName = "command";
  std::uint32_t id = 0;
  std::string name, text;
  std::uint64_t peer = 0;  ///< who asked
};

/// How a peer is.
struct Status {
  static constexpr std::string_view kValueName = "status";
  int code = 1;  ///< OpenIGTLink's; 1: all is well
  std::string name, message;
};

/// Nothing but the moment.
struct Tick {
  static constexpr std::string_view kValueName = "tick";
};

}  // namespace sagittal::stream
