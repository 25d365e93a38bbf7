#include "stream/igtl/polydata.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/error.h"
#include "stream/igtl/wire.h"

namespace sagittal::igtl {
namespace {

constexpr std::uint32_t kMaxAttributes = 1000;
constexpr std::uint8_t kOfCells = 0x10;

/// How many cells of a kind there are, and their bytes.
struct CellCount {
  std::uint32_t cells = 0, bytes = 0;
};

PolyData::Cells read_cells(WireReader& reader, const CellCount& count, std::size_t points) {
  WireReader own(reader.take(count.bytes), "OpenIGTLink POLYDATA cells");
  if (count.cells > count.bytes / sizeof(std::uint32_t)) own.refuse("more cells than their bytes can hold");
  PolyData::Cells cells;
  cells.reserve(count.cells);
  for (std::uint32_t n = 0; n < count.cells; ++n) {
    const auto size = own.number<std::uint32_t>();
    if (size > own.remaining() / sizeof(std::uint32_t)) own.refuse("a cell is longer than all of them");
    auto& cell = cells.emplace_back();
    cell.reserve(size);
    for (std::uint32_t m = 0; m < size; ++m) {
      cell.push_back(own.number<std::uint32_t>());
      if (cell.back() >= points) own.refuse(fmt::format("point {} of {}", cell.back(), points));
    }
  }
  own.expect_end();
  return cells;
}

std::vector<PolyData::Attribute> read_attributes(WireReader& reader, std::uint32_t count) {
  if (count > kMaxAttributes) reader.refuse("more than 1000 attributes");
  std::vector<PolyData::Attribute> out(count);
  std::vector<std::uint64_t> values;
  for (auto& attribute : out) {
    const auto kind = reader.number<std::uint8_t>();
    attribute.of_cells = (kind & kOfCells) != 0;
    if ((kind & ~kOfCells) > 4) reader.refuse(fmt::format("an attribute of kind {}", kind));
    attribute.kind = static_cast<PolyData::Attribute::Kind>(kind & ~kOfCells);
    attribute.components = reader.number<std::uint8_t>();
    values.push_back(std::uint64_t{reader.number<std::uint32_t>()} * attribute.components);
  }
  std::size_t names = 0;
  for (auto& attribute : out) {
    attribute.name = reader.terminated_text();
    names += attribute.name.size() + 1;
  }
  if (names % 2 != 0) reader.take(1);
  for (std::size_t n = 0; n < out.size(); ++n) {
    WireReader numbers(reader.take(values[n] * sizeof(float)), "OpenIGTLink POLYDATA attribute");
    out[n].values.reserve(values[n]);
    while (numbers.remaining() > 0) out[n].values.push_back(numbers.number<float>());
  }
  return out;
}

std::uint32_t checked(std::uint64_t number) {
  if (number > std::numeric_limits<std::uint32_t>::max()) {
    throw Error(ErrorCode::too_large, "a surface whose parts have 4 GiB or more");
  }
  return static_cast<std::uint32_t>(number);
}

CellCount count_of(const PolyData::Cells& cells) {
  std::uint64_t numbers = 0;
  for (const auto& cell : cells) numbers += 1 + cell.size();
  return {checked(cells.size()), checked(numbers * sizeof(std::uint32_t))};
}

void write_attributes(WireWriter& writer, const std::vector<PolyData::Attribute>& attributes) {
  for (const auto& attribute : attributes) {
    const std::uint8_t components = std::max<std::uint8_t>(attribute.components, 1);
    writer.number(static_cast<std::uint8_t>(static_cast<int>(attribute.kind) | (attribute.of_cells ? kOfCells : 0)))
        .number(components)
        .number(checked(attribute.values.size() / components));
  }
  std::size_t names = 0;
  for (const auto& attribute : attributes) {
    if (attribute.name.size() > 65535) throw Error(ErrorCode::too_large, "an attribute's name is too long");
    writer.text(attribute.name, attribute.name.size()).number(std::uint8_t{0});
    names += attribute.name.size() + 1;
  }
  if (names % 2 != 0) writer.number(std::uint8_t{0});
  for (const auto& attribute : attributes) {
    for (const float value : attribute.values) writer.number(value);
  }
}

}  // namespace

PolyData read_poly_data(ByteView content) {
  WireReader reader(content, "OpenIGTLink POLYDATA");
  const auto points = reader.number<std::uint32_t>();
  std::array<CellCount, 4> counts;
  for (CellCount& count : counts) {
    count.cells = reader.number<std::uint32_t>();
    count.bytes = reader.number<std::uint32_t>();
  }
  const auto attributes = reader.number<std::uint32_t>();
  PolyData out;
  WireReader own(reader.take(std::uint64_t{points} * 12), "OpenIGTLink POLYDATA points");
  out.points_mm.reserve(points);
  while (own.remaining() > 0) out.points_mm.push_back(own.numbers<float, 3>());
  out.vertices = read_cells(reader, counts[0], points);
  out.lines = read_cells(reader, counts[1], points);
  out.polygons = read_cells(reader, counts[2], points);
  out.strips = read_cells(reader, counts[3], points);
  out.attributes = read_attributes(reader, attributes);
  reader.expect_end();
  return out;
}

Bytes write_poly_data(const PolyData& data) {
  WireWriter writer;
  writer.number(checked(data.points_mm.size()));
  const std::array<const PolyData::Cells*, 4> all{&data.vertices, &data.lines, &data.polygons, &data.strips};
  for (const PolyData::Cells* cells : all) {
    const CellCount count = count_of(*cells);
    writer.number(count.cells).number(count.bytes);
  }
  writer.number(checked(data.attributes.size()));
  for (const auto& point : data.points_mm) writer.numbers(point);
  for (const PolyData::Cells* cells : all) {
    for (const auto& cell : *cells) {
      writer.number(checked(cell.size()));
      for (const std::uint32_t point : cell) writer.number(point);
    }
  }
  write_attributes(writer, data.attributes);
  return writer.finish();
}

}  // namespace sagittal::igtl
