#include "stream/operators/igtl_values.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "stream/igtl/contents.h"
#include "stream/igtl/image.h"
#include "stream/igtl/polydata.h"
#include "stream/operators/convert.h"
#include "stream/operators/place.h"
#include "stream/port.h"

namespace sagittal::stream {
namespace {

static_assert(std::endian::native == std::endian::little);
constexpr std::int64_t kSecond = 1'000'000'000;

struct ScalarPair {
  igtl::Scalar wire;
  ScalarType type;
};
constexpr ScalarPair kScalars[] = {
    {igtl::Scalar::int8, ScalarType::i8},     {igtl::Scalar::uint8, ScalarType::u8},
    {igtl::Scalar::int16, ScalarType::i16},   {igtl::Scalar::uint16, ScalarType::u16},
    {igtl::Scalar::int32, ScalarType::i32},   {igtl::Scalar::uint32, ScalarType::u32},
    {igtl::Scalar::float32, ScalarType::f32}, {igtl::Scalar::float64, ScalarType::f64},
};

ScalarType type_of(igtl::Scalar wire) {
  for (const ScalarPair& pair : kScalars) {
    if (pair.wire == wire) return pair.type;
  }
  throw Error(ErrorCode::unsupported, fmt::format("images of scalar type {}", static_cast<int>(wire)));
}
igtl::Scalar wire_of(ScalarType type) {
  for (const ScalarPair& pair : kScalars) {
    if (pair.type == type) return pair.wire;
  }
  throw Error(ErrorCode::internal, "a type that was to be converted");
}

/// In this machine's byte order, aligned: as they came where they are so.
SharedBytes voxels_of(const igtl::Image& image, const std::shared_ptr<const void>& body) {
  const std::size_t size = igtl::bytes_of(image.scalar);
  const bool swapped = size > 1 && image.byte_order == igtl::ByteOrder::big;
  const bool aligned = reinterpret_cast<std::uintptr_t>(image.voxels.data()) % size == 0;
  if (!swapped && aligned) return {body, image.voxels};
  Bytes copy(image.voxels.begin(), image.voxels.end());
  if (swapped) {
    for (std::size_t at = 0; at + size <= copy.size(); at += size) {
      std::reverse(copy.begin() + static_cast<std::ptrdiff_t>(at),
                   copy.begin() + static_cast<std::ptrdiff_t>(at + size));
    }
  }
  return SharedBytes(std::move(copy));
}

/// Nothing for a part of an image of which others have not come.
std::optional<Frame> frame_of(const igtl::Arrival& arrival, const std::string& name, ImageParts& parts) {
  const igtl::Image image = igtl::read_image(arrival.message.content);
  Frame frame{straightened(igtl::geometry_of(image.frame)), image.components, type_of(image.scalar), {}};
  SharedBytes voxels = voxels_of(image, arrival.body);
  if (image.frame.part_size != image.frame.size) {
    const auto& [offset, size] = std::tie(image.frame.part_offset, image.frame.part_size);
    return parts.add(
        name, {std::move(frame), {offset[0], offset[1], offset[2]}, {size[0], size[1], size[2]}, std::move(voxels)});
  }
  frame.pixels = std::move(voxels);
  check_frame(frame);
  parts.whole(name, frame);
  return frame;
}

igtl::Matrix matrix_of(const Transform& transform) {
  const Transform ras = flip_coordinates(transform);
  igtl::Matrix matrix{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      matrix[column * 3 + row] = static_cast<float>(ras.matrix[row][column]);
    }
    matrix[9 + row] = static_cast<float>(ras.translation_mm[row]);
  }
  return matrix;
}

Transform transform_of(const igtl::Matrix& matrix, std::string name) {
  Transform ras;
  ras.name = std::move(name);
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      ras.matrix[row][column] = static_cast<double>(matrix[column * 3 + row]);
    }
    ras.translation_mm[row] = static_cast<double>(matrix[9 + row]);
  }
  if (!std::all_of(matrix.begin(), matrix.end(), [](float number) { return std::isfinite(number); })) {
    throw Error(ErrorCode::bad_input, fmt::format("transform \"{}\" is not finite", ras.name));
  }
  return flip_coordinates(std::move(ras));
}

Vec3 from_ras(const std::array<float, 3>& point) {
  return flip_lps_ras({static_cast<double>(point[0]), static_cast<double>(point[1]), static_cast<double>(point[2])});
}
std::array<float, 3> to_ras(const Vec3& point) {
  const Vec3 ras = flip_lps_ras(point);
  return {static_cast<float>(ras[0]), static_cast<float>(ras[1]), static_cast<float>(ras[2])};
}

Points points_of(ByteView content) {
  Points points;
  for (igtl::Landmark& mark : igtl::read_points(content)) {
    points.points.push_back({std::move(mark.name), std::move(mark.group), from_ras(mark.position),
                             static_cast<double>(mark.diameter_mm), mark.colour});
  }
  return points;
}

Polylines polylines_of(ByteView content) {
  const igtl::PolyData data = igtl::read_poly_data(content);
  Polylines all;
  for (const bool closed : {false, true}) {
    for (const auto& cell : closed ? data.polygons : data.lines) {
      Polylines::Line line;
      line.closed = closed;
      for (const std::uint32_t point : cell) line.points_mm.push_back(from_ras(data.points_mm.at(point)));
      if (!closed && cell.size() > 2 && cell.front() == cell.back()) {
        line.closed = true;
        line.points_mm.pop_back();
      }
      all.lines.push_back(std::move(line));
    }
  }
  return all;
}

Bytes content_of(const Polylines& lines) {
  igtl::PolyData data;
  igtl::PolyData::Attribute labels{igtl::PolyData::Attribute::Kind::scalars, true, 1, "label", {}};
  for (const Polylines::Line& line : lines.lines) {
    if (line.points_mm.empty()) continue;
    const auto first = static_cast<std::uint32_t>(data.points_mm.size());
    auto& cell = data.lines.emplace_back();
    for (const Vec3& point : line.points_mm) {
      cell.push_back(static_cast<std::uint32_t>(data.points_mm.size()));
      data.points_mm.push_back(to_ras(point));
    }
    if (line.closed) cell.push_back(first);
    labels.values.push_back(static_cast<float>(line.label));
  }
  data.attributes.push_back(std::move(labels));
  return igtl::write_poly_data(data);
}

/// As Plus says of each tool whether it is seen, and what it is called where its name was cut: metadata "NAMEStatus".
Tracking tracking_of(ByteView content, const Metadata& metadata) {
  constexpr std::string_view end = "Status";
  std::map<std::string_view, const Metadata::Entry*> said;  // by the name that was cut
  for (const Metadata::Entry& entry : metadata.entries()) {
    const std::string_view key = entry.first;
    if (key.ends_with(end)) said[key.substr(0, std::min(key.size() - end.size(), igtl::kNameBytes))] = &entry;
  }
  Tracking tracking;
  for (igtl::TrackedMatrix& tool : igtl::read_tracking(content)) {
    Transform& transform = tracking.tools.emplace_back(transform_of(tool.matrix, std::move(tool.name)));
    if (const auto found = said.find(transform.name); found != said.end()) {
      transform.name = found->second->first.substr(0, found->second->first.size() - end.size());
      transform.valid = found->second->second == "OK";
    }
  }
  return tracking;
}

Encoded encoded_of(const igtl::Arrival& arrival) {
  const igtl::Video video = igtl::read_video(arrival.message.content);
  return {video.codec,
          video.frame_kind == 1,
          video.frame_kind,
          video.is_grey,
          straightened(igtl::geometry_of(video.frame)),
          SharedBytes(arrival.body, video.stream)};
}

template <class T>
Message with(Envelope envelope, T value) {
  return {std::move(envelope), value_type<T>(), std::make_shared<const T>(std::move(value))};
}

Envelope envelope_of(const igtl::Arrival& arrival) {
  const igtl::Received& received = arrival.message;
  Envelope envelope{received.header.device};
  const auto time = received.header.timestamp != 0 ? igtl::time_of(received.header.timestamp) : arrival.utc;
  envelope.acquired = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  for (const igtl::MetadataEntry& entry : received.metadata) {
    if (entry.key == kDeviceNameKey && !entry.value.empty()) {
      envelope.device = entry.value;
    } else if (envelope.metadata.entries().size() + 1 < Metadata::kMaxEntries) {
      envelope.metadata.set(entry.key, entry.value);
    }
  }
  if (received.message_id != 0) envelope.metadata.set(kMessageIdKey, std::to_string(received.message_id));
  return envelope;
}

/// Header, metadata and names.
igtl::Outgoing header_of(const char* type, const Envelope& envelope, UtcTime now) {
  igtl::Outgoing out{.type = type, .device = envelope.device};
  if (envelope.acquired > 0) {
    const std::chrono::nanoseconds since(envelope.acquired);
    out.timestamp = igtl::timestamp_of(
        std::chrono::system_clock::time_point(std::chrono::duration_cast<std::chrono::system_clock::duration>(since)));
  }
  const auto is_ours = [](std::string_view key) {
    return key == kMessageIdKey || key == kAcquiredKey || key == kNumberKey || key == kLatencyKey;
  };
  for (const auto& [key, value] : envelope.metadata.entries()) {
    if (key == kMessageIdKey) out.message_id = parse_number<std::uint32_t>(value).value_or(0);
    // Three of ours and the name must have room.
    if (!is_ours(key) && out.metadata.size() + 4 < Metadata::kMaxEntries) out.metadata.push_back({key, value});
  }
  if (envelope.acquired > 0) {
    out.metadata.push_back({std::string(kAcquiredKey),
                            fmt::format("{}.{:06}", envelope.acquired / kSecond, envelope.acquired % kSecond / 1000)});
    if (now > 0) {
      const double latency = static_cast<double>(now - envelope.acquired) / 1e6;
      out.metadata.push_back({std::string(kLatencyKey), fmt::format("{:.3f}", latency)});
    }
  }
  if (envelope.sequence != 0) out.metadata.push_back({std::string(kNumberKey), std::to_string(envelope.sequence)});
  return out;
}

OutgoingValue outgoing_frame(const Frame& given, igtl::Outgoing out, FramePool& pool) {
  const bool wide = size_of(given.type) >= 4 && given.type != ScalarType::f32 && given.type != ScalarType::f64;
  const Frame frame = wide ? convert(given, {.type = ScalarType::f64}, pool) : given;
  igtl::Image head;
  head.components = static_cast<std::uint8_t>(frame.components);
  head.scalar = wire_of(frame.type);
  head.frame = igtl::frame_of(frame.geometry);
  out.content = igtl::write_image_head(head);
  out.bulk = frame.pixels.view();
  return {std::move(out), frame.pixels.owner()};
}

void set_valid(igtl::Outgoing& out, bool valid) {
  std::erase_if(out.metadata, [](const auto& entry) { return entry.key == "TransformStatus"; });
  out.metadata.push_back({"TransformStatus", valid ? "OK" : "INVALID"});
}

Bytes content_of(const Points& points) {
  std::vector<igtl::Landmark> marks;
  for (const Point& point : points.points) {
    igtl::Landmark mark{point.name, point.group, point.colour, to_ras(point.position_mm), 0, {}};
    mark.diameter_mm = static_cast<float>(point.diameter_mm);
    marks.push_back(std::move(mark));
  }
  return igtl::write_points(marks);
}

Bytes content_of(const Tracking& tracking) {
  std::vector<igtl::TrackedMatrix> tools;
  for (const Transform& tool : tracking.tools) {
    if (tool.valid) tools.push_back({tool.name, igtl::Tool::instrument_6d, matrix_of(tool)});
  }
  return igtl::write_tracking(tools);
}

}  // namespace

Transform flip_coordinates(Transform transform) {
  constexpr std::array<double, 3> kSign{-1, -1, 1};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column) transform.matrix[row][column] *= kSign[row] * kSign[column];
    transform.translation_mm[row] *= kSign[row];
  }
  return transform;
}

std::optional<Message> message_of(const igtl::Arrival& arrival) {
  ImageParts none;
  return message_of(arrival, none);
}

std::optional<Message> message_of(const igtl::Arrival& arrival, ImageParts& parts) {
  const std::string& type = arrival.message.header.type;
  const ByteView content = arrival.message.content;
  Envelope envelope = envelope_of(arrival);
  if (type == "IMAGE") {
    std::optional<Frame> frame = frame_of(arrival, envelope.device, parts);
    if (!frame) return std::nullopt;
    return with(std::move(envelope), std::move(*frame));
  }
  if (type == "TRANSFORM") {
    Transform transform = transform_of(igtl::read_transform(content), envelope.device);
    const std::string* status = envelope.metadata.find("TransformStatus");
    transform.valid = status == nullptr || *status == "OK";
    return with(std::move(envelope), std::move(transform));
  }
  if (type == "TDATA") {
    Tracking tracking = tracking_of(content, envelope.metadata);
    return with(std::move(envelope), std::move(tracking));
  }
  if (type == "STRING") return with(std::move(envelope), Text{igtl::read_string(content).text});
  if (type == "POINT") return with(std::move(envelope), points_of(content));
  if (type == "POLYDATA") return with(std::move(envelope), polylines_of(content));
  if (type == "VIDEO") return with(std::move(envelope), encoded_of(arrival));
  if (type == "STATUS") {
    igtl::Status status = igtl::read_status(content);
    return with(std::move(envelope), Status{status.code, std::move(status.name), std::move(status.message)});
  }
  return std::nullopt;
}

Message answer_of(const igtl::Arrival& arrival) {
  const igtl::Command answer = igtl::read_command(arrival.message.content);
  Envelope envelope = envelope_of(arrival);
  envelope.device = answer.name;
  envelope.metadata.set("CommandId", std::to_string(answer.id));
  return with(std::move(envelope), Text{answer.text.text});
}

OutgoingValue outgoing_of(const Message& message, UtcTime now, FramePool& pool) {
  const auto header = [&](const char* type) { return header_of(type, message.envelope, now); };
  const auto plain = [&](const char* type, Bytes content) {
    igtl::Outgoing out = header(type);
    out.content = std::move(content);
    return OutgoingValue{std::move(out), nullptr};
  };
  if (const auto* frame = value_in<Frame>(message)) return outgoing_frame(*frame, header("IMAGE"), pool);
  if (const auto* transform = value_in<Transform>(message)) {
    OutgoingValue out = plain("TRANSFORM", igtl::write_transform(matrix_of(*transform)));
    if (!transform->name.empty()) out.message.device = transform->name;
    set_valid(out.message, transform->valid);
    return out;
  }
  if (const auto* tracking = value_in<Tracking>(message)) return plain("TDATA", content_of(*tracking));
  if (const auto* text = value_in<Text>(message)) return plain("STRING", igtl::write_string({text->text}));
  if (const auto* points = value_in<Points>(message)) return plain("POINT", content_of(*points));
  if (const auto* lines = value_in<Polylines>(message)) {
    OutgoingValue out = plain("POLYDATA", content_of(*lines));
    // 3D Slicer makes a node of the class that it names, and ends where that is none for surfaces.
    std::erase_if(out.message.metadata, [](const auto& entry) { return entry.key == "MRMLNodeName"; });
    return out;
  }
  if (const auto* command = value_in<Command>(message)) {
    return plain("COMMAND", igtl::write_command({command->id, command->name, {command->text}}));
  }
  if (const auto* status = value_in<Status>(message)) {
    return plain("STATUS",
                 igtl::write_status({static_cast<std::uint16_t>(status->code), 0, status->name, status->message}));
  }
  if (const auto* encoded = value_in<Encoded>(message)) {
    igtl::Video video;
    video.codec = encoded->codec;
    video.frame_kind = encoded->kind;
    video.is_grey = encoded->grey;
    video.frame = igtl::frame_of(encoded->geometry);
    OutgoingValue out = plain("VIDEO", igtl::write_video_head(video));
    out.message.bulk = encoded->bytes.view();
    out.owner = encoded->bytes.owner();
    return out;
  }
  throw Error(ErrorCode::unsupported, fmt::format("OpenIGTLink has no message for {}", message.type.name));
}

}  // namespace sagittal::stream
