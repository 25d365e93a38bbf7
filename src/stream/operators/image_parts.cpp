#include "stream/operators/image_parts.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::stream {
namespace {

bool alike(const Frame& a, const Frame& b) {
  return a.geometry.size == b.geometry.size && a.components == b.components && a.type == b.type;
}

void check_part(const ImagePart& part) {
  check_geometry(part.image.geometry, "an image in parts");
  std::uint64_t whole = static_cast<std::uint64_t>(part.image.components) * size_of(part.image.type), bytes = whole;
  bool inside = part.image.components >= 1 && part.image.components <= kMaxComponents;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::int64_t size = part.image.geometry.size[axis];
    inside = inside && part.offset[axis] >= 0 && part.size[axis] >= 1 && part.size[axis] <= size &&
             part.offset[axis] <= size - part.size[axis];
    whole = checked_product(whole, static_cast<std::uint64_t>(size), "an image in parts");
    bytes *= static_cast<std::uint64_t>(std::max<std::int64_t>(part.size[axis], 0));
  }
  if (whole > ImageParts::kMaxBytes) {
    throw Error(ErrorCode::too_large, fmt::format("an image of {} bytes in parts, at most {} are put together", whole,
                                                  ImageParts::kMaxBytes));
  }
  if (!inside || bytes != part.pixels.size()) {
    throw Error(ErrorCode::bad_input, fmt::format("a part of {} voxels at {} is not in its image of {}, or its bytes "
                                                  "are {}",
                                                  describe_shape(part.size), describe_shape(part.offset),
                                                  describe_shape(part.image.geometry.size), part.pixels.size()));
  }
}

/// Calls `row(voxel in the image, voxel in the part)` for each row of the part.
template <class Row>
void for_rows(const ImagePart& part, Row&& row) {
  const Index3& size = part.image.geometry.size;
  for (std::int64_t k = 0; k < part.size[2]; ++k) {
    for (std::int64_t j = 0; j < part.size[1]; ++j) {
      row(static_cast<std::size_t>(part.offset[0] + size[0] * (part.offset[1] + j + size[1] * (part.offset[2] + k))),
          static_cast<std::size_t>(part.size[0] * (j + part.size[1] * k)));
    }
  }
}

void paste(const ImagePart& part, Bytes& to) {
  const std::size_t voxel = static_cast<std::size_t>(part.image.components) * size_of(part.image.type);
  const std::uint8_t* from = part.pixels.view().data();
  for_rows(part, [&](std::size_t at, std::size_t source) {
    std::memcpy(to.data() + at * voxel, from + source * voxel, static_cast<std::size_t>(part.size[0]) * voxel);
  });
}

}  // namespace

std::list<ImageParts::Entry>::iterator ImageParts::find(const std::string& name) {
  return std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.name == name; });
}

void ImageParts::forget(std::list<Entry>::iterator entry) {
  if (entry == entries_.end()) return;
  if (entry->missing > 0) ++counters_.abandoned;
  bytes_ -= entry->bytes();
  entries_.erase(entry);
}

void ImageParts::make_room(std::size_t bytes) {
  while (!entries_.empty() && (entries_.size() >= kMaxImages || bytes_ + bytes > kMaxBytes)) forget(entries_.begin());
}

void ImageParts::whole(const std::string& name, const Frame& image) {
  forget(find(name));
  if (image.pixels.size() > kMaxBytes) return;
  make_room(image.bytes_needed());
  entries_.push_back({name, image, {}, {}, 0});
  bytes_ += image.bytes_needed();
}

std::optional<Frame> ImageParts::add(const std::string& name, const ImagePart& part) {
  check_part(part);
  ++counters_.parts;
  auto entry = find(name);
  if (entry != entries_.end() && !alike(entry->image, part.image)) {
    forget(entry);
    entry = entries_.end();
  }
  if (entry == entries_.end()) {
    make_room(part.image.bytes_needed());
    const auto voxels = part.image.geometry.voxel_count();
    entries_.push_back({name, part.image, Bytes(part.image.bytes_needed()),
                        std::vector<bool>(static_cast<std::size_t>(voxels)), voxels});
    bytes_ += part.image.bytes_needed();
    entry = std::prev(entries_.end());
  }
  Frame image = part.image;
  if (entry->has.empty()) {  // nobody may write into what was sent on
    Bytes pixels(entry->image.pixels.view().begin(), entry->image.pixels.view().end());
    paste(part, pixels);
    image.pixels = SharedBytes(std::move(pixels));
    entry->image = image;
    ++counters_.images;
    return image;
  }
  paste(part, entry->pixels);
  for_rows(part, [&](std::size_t at, std::size_t) {
    for (std::size_t n = at; n < at + static_cast<std::size_t>(part.size[0]); ++n) {
      if (!entry->has[n]) --entry->missing;
      entry->has[n] = true;
    }
  });
  if (entry->missing > 0) return std::nullopt;
  image.pixels = SharedBytes(std::move(entry->pixels));
  forget(entry);
  ++counters_.images;
  return image;
}

}  // namespace sagittal::stream
