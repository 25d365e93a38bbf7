#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/error.h"
#include "stream/igtl/contents.h"
#include "stream/igtl/lists.h"

namespace sagittal::igtl {
namespace {

constexpr std::size_t kMaxBound = 10'000;

template <class T>
void swap_numbers(const ByteView from, Bytes& to) {
  for (std::size_t n = 0; n + sizeof(T) <= from.size(); n += sizeof(T)) {
    const T value = big_endian<T>(from.data() + n);
    std::memcpy(to.data() + n, &value, sizeof(T));
  }
}

/// Between the wire's byte order and this machine's, its own inverse.
Bytes swapped(ByteView bytes, std::size_t number_bytes) {
  Bytes out(bytes.begin(), bytes.end());
  if (number_bytes == 2) swap_numbers<std::uint16_t>(bytes, out);
  if (number_bytes == 4) swap_numbers<std::uint32_t>(bytes, out);
  if (number_bytes == 8) swap_numbers<std::uint64_t>(bytes, out);
  return out;
}

std::size_t number_bytes(Scalar scalar) { return scalar == Scalar::complex ? 8 : bytes_of(scalar); }

std::size_t table_bytes(const ColourTable& table) {
  const std::size_t entry = table.map == ColourTable::Map::uint8 ? 1 : table.map == ColourTable::Map::uint16 ? 2 : 3;
  return entry * (table.wide_index ? 65536 : 256);
}

}  // namespace

std::vector<ImageMeta> read_image_meta(ByteView content) {
  return read_list<ImageMeta>(content, 260, "OpenIGTLink IMGMETA", [](WireReader& reader) {
    ImageMeta out;
    out.name = reader.text(kLongText);
    out.device = reader.text(kShortText);
    out.modality = reader.text(kMediumText);
    out.patient_name = reader.text(kLongText);
    out.patient_id = reader.text(kLongText);
    out.timestamp = reader.number<std::uint64_t>();
    out.size = reader.numbers<std::uint16_t, 3>();
    out.scalar = reader.number<std::uint8_t>();
    reader.take(1);
    return out;
  });
}

Bytes write_image_meta(const std::vector<ImageMeta>& images) {
  return write_list(images, [](WireWriter& writer, const ImageMeta& image) {
    writer.text(image.name, kLongText)
        .text(image.device, kShortText)
        .text(image.modality, kMediumText)
        .text(image.patient_name, kLongText)
        .text(image.patient_id, kLongText)
        .number(image.timestamp)
        .numbers(image.size)
        .number(image.scalar)
        .number(kReserved);
  });
}

std::vector<LabelMeta> read_label_meta(ByteView content) {
  return read_list<LabelMeta>(content, 116, "OpenIGTLink LBMETA", [](WireReader& reader) {
    LabelMeta out;
    out.name = reader.text(kLongText);
    out.device = reader.text(kShortText);
    out.label = reader.number<std::uint8_t>();
    reader.take(1);
    out.colour = reader.numbers<std::uint8_t, 4>();
    out.size = reader.numbers<std::uint16_t, 3>();
    out.owner = reader.text(kShortText);
    return out;
  });
}

Bytes write_label_meta(const std::vector<LabelMeta>& labels) {
  return write_list(labels, [](WireWriter& writer, const LabelMeta& label) {
    writer.text(label.name, kLongText)
        .text(label.device, kShortText)
        .number(label.label)
        .number(kReserved)
        .numbers(label.colour)
        .numbers(label.size)
        .text(label.owner, kShortText);
  });
}

std::vector<VideoMeta> read_video_meta(ByteView content) {
  return read_list<VideoMeta>(content, 322, "OpenIGTLink VIDEOMETA", [](WireReader& reader) {
    VideoMeta out;
    out.name = reader.text(kLongText);
    out.device = reader.text(kLongText);
    out.patient_name = reader.text(kLongText);
    out.patient_id = reader.text(kLongText);
    out.zoom = reader.number<std::int16_t>();
    out.focal_length = reader.number<double>();
    out.size = reader.numbers<std::uint16_t, 3>();
    out.matrix = reader.numbers<float, 12>();
    out.scalar = reader.number<std::uint8_t>();
    reader.take(1);
    return out;
  });
}

Bytes write_video_meta(const std::vector<VideoMeta>& videos) {
  return write_list(videos, [](WireWriter& writer, const VideoMeta& video) {
    writer.text(video.name, kLongText)
        .text(video.device, kLongText)
        .text(video.patient_name, kLongText)
        .text(video.patient_id, kLongText)
        .number(video.zoom)
        .number(video.focal_length)
        .numbers(video.size)
        .numbers(video.matrix)
        .number(video.scalar)
        .number(kReserved);
  });
}

NdArray read_nd_array(ByteView content) {
  WireReader reader(content, "OpenIGTLink NDARRAY");
  NdArray out;
  out.scalar = scalar_from(reader.number<std::uint8_t>());
  const auto dimensions = reader.number<std::uint8_t>();
  std::uint64_t bytes = bytes_of(out.scalar);
  for (std::size_t n = 0; n < dimensions; ++n) {
    out.size.push_back(reader.number<std::uint16_t>());
    bytes = checked_product(bytes, out.size.back(), "OpenIGTLink NDARRAY");
  }
  out.values = swapped(reader.take(dimensions == 0 ? 0 : bytes), number_bytes(out.scalar));
  reader.expect_end();
  return out;
}

Bytes write_nd_array(const NdArray& array) {
  if (array.size.size() > 255) throw Error(ErrorCode::too_large, "an NDARRAY has at most 255 axes");
  WireWriter writer;
  writer.number(static_cast<std::uint8_t>(array.scalar)).number(static_cast<std::uint8_t>(array.size.size()));
  for (const std::uint16_t size : array.size) writer.number(size);
  return writer.bytes(swapped(array.values, number_bytes(array.scalar))).finish();
}

Sensor read_sensor(ByteView content) {
  WireReader reader(content, "OpenIGTLink SENSOR");
  Sensor out;
  const auto count = reader.number<std::uint8_t>();
  out.status = reader.number<std::uint8_t>();
  out.unit = reader.number<std::uint64_t>();
  for (std::size_t n = 0; n < count; ++n) out.values.push_back(reader.number<double>());
  reader.expect_end();
  return out;
}

Bytes write_sensor(const Sensor& sensor) {
  if (sensor.values.size() > 255) throw Error(ErrorCode::too_large, "a SENSOR holds at most 255 values");
  WireWriter writer;
  writer.number(static_cast<std::uint8_t>(sensor.values.size())).number(sensor.status).number(sensor.unit);
  for (const double value : sensor.values) writer.number(value);
  return writer.finish();
}

ColourTable read_colour_table(ByteView content) {
  WireReader reader(content, "OpenIGTLink COLORT");
  const auto index = reader.number<std::uint8_t>();
  const auto map = reader.number<std::uint8_t>();
  ColourTable out{.wide_index = index == 5, .map = static_cast<ColourTable::Map>(map), .entries = {}};
  const bool known = (index == 3 || index == 5) && (map == 3 || map == 5 || map == 19);
  if (!known) reader.refuse(fmt::format("a table from {} to {}", index, map));
  out.entries = swapped(reader.take(table_bytes(out)), out.map == ColourTable::Map::uint16 ? 2 : 1);
  reader.expect_end();
  return out;
}

Bytes write_colour_table(const ColourTable& table) {
  if (table.entries.size() != table_bytes(table)) throw Error(ErrorCode::bad_input, "a colour table of the wrong size");
  return WireWriter()
      .number(static_cast<std::uint8_t>(table.wide_index ? 5 : 3))
      .number(static_cast<std::uint8_t>(table.map))
      .bytes(swapped(table.entries, table.map == ColourTable::Map::uint16 ? 2 : 1))
      .finish();
}

std::vector<Bound> read_bind(ByteView content) {
  WireReader reader(content, "OpenIGTLink BIND");
  const auto count = reader.number<std::uint16_t>();
  if (count > kMaxBound) reader.refuse("more than 10000 messages in one");
  std::vector<Bound> out(count);
  std::vector<std::uint64_t> sizes;
  for (Bound& part : out) {
    part.type = reader.text(kTypeText);
    sizes.push_back(reader.number<std::uint64_t>());
  }
  const auto names_bytes = reader.number<std::uint16_t>();
  WireReader names(reader.take(names_bytes), "OpenIGTLink BIND names");
  for (Bound& part : out) part.name = names.terminated_text();
  if (names_bytes % 2 != 0) reader.take(std::min<std::size_t>(reader.remaining(), 1));
  for (std::size_t n = 0; n < out.size(); ++n) {
    out[n].content = reader.take(sizes[n]);
    if (sizes[n] % 2 != 0) reader.take(std::min<std::size_t>(reader.remaining(), 1));
  }
  reader.expect_end();
  return out;
}

Bytes write_bind(const std::vector<Bound>& parts) {
  if (parts.size() > kMaxBound) throw Error(ErrorCode::too_large, "more than 10000 messages in one");
  WireWriter writer;
  writer.number(static_cast<std::uint16_t>(parts.size()));
  WireWriter names;
  for (const Bound& part : parts) {
    writer.text(part.type, kTypeText).number(std::uint64_t{part.content.size()});
    names.text(part.name, std::min(part.name.size(), kShortText)).number(std::uint8_t{0});
  }
  if (names.size() % 2 != 0) names.number(std::uint8_t{0});
  if (names.size() > 65535) throw Error(ErrorCode::too_large, "the names of bound messages are too long");
  writer.number(static_cast<std::uint16_t>(names.size())).bytes(names.finish());
  for (const Bound& part : parts) {
    writer.bytes(part.content);
    if (part.content.size() % 2 != 0) writer.number(std::uint8_t{0});
  }
  return writer.finish();
}

}  // namespace sagittal::igtl
