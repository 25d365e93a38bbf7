#include "server/dialects/slicer_v0_arrays.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "io/gzip.h"

namespace sagittal::server {
namespace {

constexpr std::int64_t kGrain = std::int64_t{1} << 20;
constexpr std::size_t kLargestScalar = 8;
constexpr std::size_t kNpyHeaderRoom = std::size_t{64} << 10;

template <class F>
void visit_values(const io::NpyView& array, F&& f) {
  sagittal::visit_values(array.type, array.bytes.data(), std::forward<F>(f));
}

std::int64_t count_of(const io::NpyView& array) {
  return static_cast<std::int64_t>(array.bytes.size() / size_of(array.type));
}

/// No byte but zeros: how an empty mask is told apart before memory is spent on it.
bool is_blank(ByteView bytes, ThreadPool& pool) {
  std::atomic<bool> blank = true;
  pool.parallel_for(static_cast<std::int64_t>(bytes.size()), kGrain, [&](std::int64_t begin, std::int64_t end) {
    std::uint8_t any = 0;
    for (std::int64_t n = begin; n < end; ++n) any |= bytes[static_cast<std::size_t>(n)];
    if (any != 0) blank = false;
  });
  return blank;
}

Index3 to_index3(const std::vector<std::int64_t>& shape) { return {shape[0], shape[1], shape[2]}; }

}  // namespace

NpyFile::NpyFile(ByteView file, std::string_view what) { read(file, what); }

NpyFile::NpyFile(Buffer file, std::string_view what) : file_(std::move(file)) {
  read({reinterpret_cast<const std::uint8_t*>(file_.data()), file_.size()}, what);
}

void NpyFile::read(ByteView file, std::string_view what) {
  if (auto in_place = io::view_npy(file, what)) {
    view_ = std::move(*in_place);
    return;
  }
  copy_ = io::read_npy(file, what);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(copy_.data.data());
  view_ = {copy_.type, copy_.is_bool, copy_.shape, {bytes, copy_.data.size()}};
}

Index3 image_shape(const io::NpyView& array) {
  const auto& shape = array.shape;
  if (shape.size() == 4) {
    throw Error(
        ErrorCode::unsupported,
        fmt::format("the volume has {} values per voxel (its shape is {}), expected one; choose a scalar volume, or "
                    "make one with the module Vector to Scalar Volume",
                    shape[3], fmt::join(shape, " x ")));
  }
  if (shape.size() != 3) {
    throw Error(ErrorCode::unsupported, fmt::format("expected a volume with three axes, found {}", shape.size()));
  }
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) {
    throw Error(ErrorCode::bad_input, fmt::format("the volume is empty: its shape is {}", fmt::join(shape, " x ")));
  }
  return to_index3(shape);
}

StoredVoxels NpyFile::release(std::shared_ptr<const void> owner) && {
  if (copy_.data.size() > 0) return store(copy_.type, std::move(copy_.data));
  return {view_.type, view_.bytes, std::move(owner)};
}

NpyFile read_mask_file(ByteView compressed, const Index3& shape) {
  const auto voxels = static_cast<std::size_t>(whole(shape).volume());
  NpyFile mask(io::gunzip(compressed, voxels * kLargestScalar + kNpyHeaderRoom, "mask"), "mask");
  const auto& found = mask.view().shape;
  if (!std::equal(found.begin(), found.end(), shape.begin(), shape.end())) {
    throw Error(ErrorCode::bad_input, fmt::format("the mask's shape is {}, expected that of the image, {}",
                                                  fmt::join(found, " x "), fmt::join(shape, " x ")));
  }
  return mask;
}

Painted find_painted(const io::NpyView& mask, Paint paint, ThreadPool& pool) {
  return find_painted(mask.type, mask.bytes, to_index3(mask.shape), paint, pool);
}

Buffer to_whole_mask(const io::NpyView& mask, ThreadPool& pool) {
  if (is_blank(mask.bytes, pool)) return {};
  const std::int64_t count = count_of(mask);
  Buffer whole_mask(static_cast<std::size_t>(count));
  std::uint8_t* out = whole_mask.as<std::uint8_t>().data();
  std::atomic<bool> any = false;
  visit_values(mask, [&](auto values) {
    pool.parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
      std::uint8_t set = 0;
      for (std::int64_t n = begin; n < end; ++n) set |= out[n] = values[n] != 0;
      if (set != 0) any = true;
    });
  });
  return any ? std::move(whole_mask) : Buffer();  // minus zeros are no voxels
}

std::array<double, 3> parse_coordinate(const Json& object, const char* key) {
  const auto values = json_get<std::vector<double>>(object, key, "request");
  if (values.size() != 3) {
    throw Error(ErrorCode::bad_input,
                fmt::format("\"{}\" has {} numbers, expected three: k, j, i", key, values.size()));
  }
  return {values[0], values[1], values[2]};
}

Box parse_box(const std::array<double, 3>& one, const std::array<double, 3>& other, const Index3& shape, bool flat) {
  Box box;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double low = std::floor(std::min(one[axis], other[axis]));
    const double high = std::ceil(std::max(one[axis], other[axis]));
    const auto size = static_cast<double>(shape[axis]);
    if (low > size || high < -1) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("the box from {} to {} lies outside the volume of {} voxels along axis {}", low, high,
                              shape[axis], "kji"[axis]));
    }
    box.lo[axis] = static_cast<std::int64_t>(std::clamp(low, 0.0, size - 1));
    box.hi[axis] = static_cast<std::int64_t>(std::clamp(high, 0.0, size - 1)) + 1;
  }
  if (!flat) return box;
  constexpr std::int64_t kMeantFlat = 3;
  const Index3 size = box.size();
  const auto thinnest = static_cast<std::size_t>(std::min_element(size.begin(), size.end()) - size.begin());
  if (size[thinnest] <= kMeantFlat) {
    box.lo[thinnest] += (size[thinnest] - 1) / 2;
    box.hi[thinnest] = box.lo[thinnest] + 1;
  }
  return box;
}

}  // namespace sagittal::server
