#include "stream/igtl/contents.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/error.h"
#include "stream/igtl/lists.h"

namespace sagittal::igtl {
namespace {

constexpr std::size_t kCommandName = 128;

Tool read_tool(WireReader& reader) {
  const auto number = reader.number<std::uint8_t>();
  reader.take(1);
  if (number < 1 || number > 4) reader.refuse(fmt::format("a tool of kind {}", number));
  return static_cast<Tool>(number);
}

void write_tool(WireWriter& writer, Tool tool) { writer.number(static_cast<std::uint8_t>(tool)).number(kReserved); }

Text read_text(WireReader& reader, std::uint64_t bytes, std::uint16_t encoding) {
  return {std::string(as_text(reader.take(bytes))), encoding};
}

}  // namespace

Matrix read_transform(ByteView content) {
  WireReader reader(content, "OpenIGTLink TRANSFORM");
  const auto matrix = reader.numbers<float, 12>();
  reader.expect_end();
  return matrix;
}

Bytes write_transform(const Matrix& matrix) { return WireWriter().numbers(matrix).finish(); }

Position read_position(ByteView content) {
  WireReader reader(content, "OpenIGTLink POSITION");
  Position out;
  out.position = reader.numbers<float, 3>();
  out.form = reader.remaining() == 0    ? Position::Form::position_only
             : reader.remaining() == 12 ? Position::Form::without_w
                                        : Position::Form::whole;
  if (out.form == Position::Form::position_only) return out;
  for (std::size_t n = 0; n < 3; ++n) out.quaternion[n] = reader.number<float>();
  if (out.form == Position::Form::whole) {
    out.quaternion[3] = reader.number<float>();
  } else {
    const auto& q = out.quaternion;
    const float rest = 1 - q[0] * q[0] - q[1] * q[1] - q[2] * q[2];
    out.quaternion[3] = rest > 0 ? std::sqrt(rest) : 0;
  }
  reader.expect_end();
  return out;
}

Bytes write_position(const Position& position) {
  WireWriter writer;
  writer.numbers(position.position);
  const std::size_t parts = position.form == Position::Form::position_only ? 0
                            : position.form == Position::Form::without_w   ? 3
                                                                           : 4;
  for (std::size_t n = 0; n < parts; ++n) writer.number(position.quaternion[n]);
  return writer.finish();
}

std::vector<TrackedMatrix> read_tracking(ByteView content) {
  return read_list<TrackedMatrix>(content, 70, "OpenIGTLink TDATA", [](WireReader& reader) {
    TrackedMatrix out;
    out.name = reader.text(kShortText);
    out.tool = read_tool(reader);
    out.matrix = reader.numbers<float, 12>();
    return out;
  });
}

Bytes write_tracking(const std::vector<TrackedMatrix>& tools) {
  return write_list(tools, [](WireWriter& writer, const TrackedMatrix& tool) {
    write_tool(writer.text(tool.name, kShortText), tool.tool);
    writer.numbers(tool.matrix);
  });
}

std::vector<TrackedQuaternion> read_quaternion_tracking(ByteView content) {
  return read_list<TrackedQuaternion>(content, 50, "OpenIGTLink QTDATA", [](WireReader& reader) {
    TrackedQuaternion out;
    out.name = reader.text(kShortText);
    out.tool = read_tool(reader);
    out.position = reader.numbers<float, 3>();
    out.quaternion = reader.numbers<float, 4>();
    return out;
  });
}

Bytes write_quaternion_tracking(const std::vector<TrackedQuaternion>& tools) {
  return write_list(tools, [](WireWriter& writer, const TrackedQuaternion& tool) {
    write_tool(writer.text(tool.name, kShortText), tool.tool);
    writer.numbers(tool.position).numbers(tool.quaternion);
  });
}

Text read_string(ByteView content) {
  WireReader reader(content, "OpenIGTLink STRING");
  const auto encoding = reader.number<std::uint16_t>();
  const auto bytes = reader.number<std::uint16_t>();
  Text out = read_text(reader, bytes, encoding);
  reader.expect_end();
  return out;
}

Bytes write_string(const Text& text) {
  if (text.text.size() > std::numeric_limits<std::uint16_t>::max()) {
    throw Error(ErrorCode::too_large, fmt::format("a STRING holds 65535 bytes, found {}", text.text.size()));
  }
  return WireWriter()
      .number(text.encoding)
      .number(static_cast<std::uint16_t>(text.text.size()))
      .bytes(as_bytes(text.text))
      .finish();
}

Status read_status(ByteView content) {
  WireReader reader(content, "OpenIGTLink STATUS");
  Status out;
  out.code = reader.number<std::uint16_t>();
  out.detail = reader.number<std::int64_t>();
  out.name = reader.text(kShortText);
  out.message = reader.text(reader.remaining());  // its end is not always there
  return out;
}

Bytes write_status(const Status& status) {
  return WireWriter()
      .number(status.code)
      .number(status.detail)
      .text(status.name, kShortText)
      .text(status.message, status.message.size() + 1)
      .finish();
}

std::vector<std::string> read_capability(ByteView content) {
  return read_list<std::string>(content, kTypeText, "OpenIGTLink CAPABILITY",
                                [](WireReader& reader) { return reader.text(kTypeText); });
}

Bytes write_capability(const std::vector<std::string>& types) {
  return write_list(types, [](WireWriter& writer, const std::string& type) { writer.text(type, kTypeText); });
}

Command read_command(ByteView content) {
  WireReader reader(content, "OpenIGTLink COMMAND");
  Command out;
  out.id = reader.number<std::uint32_t>();
  out.name = reader.text(kCommandName);
  const auto encoding = reader.number<std::uint16_t>();
  const auto bytes = reader.number<std::uint32_t>();
  out.text = read_text(reader, bytes, encoding);
  reader.expect_end();
  return out;
}

Bytes write_command(const Command& command) {
  if (command.text.text.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw Error(ErrorCode::too_large, "a COMMAND of more than 4 GiB");
  }
  return WireWriter()
      .number(command.id)
      .text(command.name, kCommandName)
      .number(command.text.encoding)
      .number(static_cast<std::uint32_t>(command.text.text.size()))
      .bytes(as_bytes(command.text.text))
      .finish();
}

std::vector<Landmark> read_points(ByteView content) {
  return read_list<Landmark>(content, 136, "OpenIGTLink POINT", [](WireReader& reader) {
    Landmark out;
    out.name = reader.text(kLongText);
    out.group = reader.text(kMediumText);
    out.colour = reader.numbers<std::uint8_t, 4>();
    out.position = reader.numbers<float, 3>();
    out.diameter_mm = reader.number<float>();
    out.owner = reader.text(kShortText);
    return out;
  });
}

Bytes write_points(const std::vector<Landmark>& points) {
  return write_list(points, [](WireWriter& writer, const Landmark& point) {
    writer.text(point.name, kLongText)
        .text(point.group, kMediumText)
        .numbers(point.colour)
        .numbers(point.position)
        .number(point.diameter_mm)
        .text(point.owner, kShortText);
  });
}

std::vector<Trajectory> read_trajectories(ByteView content) {
  return read_list<Trajectory>(content, 150, "OpenIGTLink TRAJ", [](WireReader& reader) {
    Trajectory out;
    out.name = reader.text(kLongText);
    out.group = reader.text(kMediumText);
    out.kind = reader.number<std::uint8_t>();
    reader.take(1);
    out.colour = reader.numbers<std::uint8_t, 4>();
    out.entry = reader.numbers<float, 3>();
    out.target = reader.numbers<float, 3>();
    out.diameter_mm = reader.number<float>();
    out.owner = reader.text(kShortText);
    return out;
  });
}

Bytes write_trajectories(const std::vector<Trajectory>& trajectories) {
  return write_list(trajectories, [](WireWriter& writer, const Trajectory& one) {
    writer.text(one.name, kLongText)
        .text(one.group, kMediumText)
        .number(one.kind)
        .number(kReserved)
        .numbers(one.colour)
        .numbers(one.entry)
        .numbers(one.target)
        .number(one.diameter_mm)
        .text(one.owner, kShortText);
  });
}

bool read_ready(ByteView content) {
  if (content.empty()) return true;
  WireReader reader(content, "OpenIGTLink RTS");
  return reader.number<std::uint8_t>() == 0;
}

Bytes write_ready(bool good) { return {static_cast<std::uint8_t>(good ? 0 : 1)}; }

StreamWish read_tracking_wish(ByteView content) {
  if (content.empty()) return {};
  WireReader reader(content, "OpenIGTLink STT");
  StreamWish out;
  out.interval_ms = reader.number<std::uint32_t>();
  out.coordinates = reader.text(std::min<std::size_t>(reader.remaining(), kMediumText));
  return out;
}

Bytes write_tracking_wish(const StreamWish& wish) {
  return WireWriter().number(wish.interval_ms).text(wish.coordinates, kMediumText).finish();
}

}  // namespace sagittal::igtl
