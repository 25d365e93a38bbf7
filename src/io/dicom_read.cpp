#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "io/dicom_series.h"

namespace sagittal::io {
namespace {

bool whole(double value) { return value == std::round(value) && std::abs(value) <= INT32_MAX; }

template <class T>
bool holds(double lo, double hi) {
  return lo >= static_cast<double>(std::numeric_limits<T>::min()) &&
         hi <= static_cast<double>(std::numeric_limits<T>::max());
}

/// The smallest type that holds whatever the stored bits can say, once rescaled; float32 where that is no integer.
ScalarType real_type(const DicomImages& images) {
  const PixelFormat& f = images.pixels;
  const double values = std::ldexp(1.0, f.bits_stored);
  const double least = f.is_signed ? -values / 2 : 0, most = least + values - 1;
  double lo = INFINITY, hi = -INFINITY;
  bool identity = true;
  for (const DicomPlane& p : images.planes) {
    if (!whole(p.slope) || !whole(p.intercept)) return ScalarType::f32;
    identity = identity && p.slope == 1 && p.intercept == 0;
    const auto ends = std::minmax({p.slope * least + p.intercept, p.slope * most + p.intercept});
    lo = std::min(lo, ends.first);
    hi = std::max(hi, ends.second);
  }
  if (identity && f.bits_allocated == 8) return f.is_signed ? ScalarType::i8 : ScalarType::u8;
  if (holds<std::int16_t>(lo, hi)) return ScalarType::i16;
  if (holds<std::uint16_t>(lo, hi)) return ScalarType::u16;
  if (holds<std::int32_t>(lo, hi)) return ScalarType::i32;
  return ScalarType::f32;
}

/// Opens the files of a series one after another and decodes their frames.
class PlaneReader {
 public:
  PlaneReader(const DicomImages& images, const DicomOpener& open) : images_(images), open_file_(open) {}

  std::vector<std::int32_t> read(const DicomPlane& plane) {
    if (!decoder_ || open_ != plane.file) open(plane.file);
    return decoder_->decode(plane.frame);
  }

 private:
  void open(std::size_t index) {
    const auto& path = images_.files[index];
    decoder_.reset();
    bytes_ = open_file_(path);
    file_ = std::make_unique<DicomFile>(parse_dicom(bytes_.bytes, path.string()));
    const PixelFormat format = pixel_format(*file_, path.string());
    if (format.rows != images_.pixels.rows || format.columns != images_.pixels.columns) {
      throw Error(ErrorCode::io, fmt::format("{} changed while it was read", path.string()));
    }
    if (format.bits_stored > images_.pixels.bits_stored || format.is_signed != images_.pixels.is_signed) {
      throw Error(ErrorCode::unsupported,
                  fmt::format("{}: pixels of another type than the rest of its series", path.string()));
    }
    decoder_ = std::make_unique<FrameDecoder>(*file_, format, images_.frames_in_file[index], path.string());
    open_ = index;
  }

  const DicomImages& images_;
  const DicomOpener& open_file_;
  DicomBytes bytes_;
  std::unique_ptr<DicomFile> file_;
  std::unique_ptr<FrameDecoder> decoder_;
  std::size_t open_ = 0;
};

template <class T>
void write_plane(const std::vector<std::int32_t>& stored, const DicomPlane& plane, std::span<T> out) {
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const double value = static_cast<double>(stored[i]) * plane.slope + plane.intercept;  // exact for whole numbers
    out[i] = static_cast<T>(value);
  }
}

/// Fills absent slices linearly from the nearest ones present; the first and last slice are always present.
template <class T>
void interpolate_missing(const std::vector<std::size_t>& slices, std::size_t area, std::span<T> out) {
  std::size_t below = 0;
  for (std::size_t k = 0; k < slices.size(); ++k) {
    if (slices[k] != Stack::kMissing) {
      below = k;
      continue;
    }
    std::size_t above = k;
    while (slices[above] == Stack::kMissing) ++above;
    const double weight = static_cast<double>(k - below) / static_cast<double>(above - below);
    for (std::size_t i = 0; i < area; ++i) {
      const double value = (1 - weight) * static_cast<double>(out[below * area + i]) +
                           weight * static_cast<double>(out[above * area + i]);
      out[k * area + i] = static_cast<T>(std::is_integral_v<T> ? std::round(value) : value);
    }
  }
}

template <class T>
Volume read_as(const DicomImages& images, const Stack& stack, const std::vector<std::size_t>& slices, ThreadPool* pool,
               const DicomOpener& open) {
  const std::size_t area = images.pixels.pixels();
  Buffer voxels(area * slices.size() * sizeof(T));
  const auto read_slices = [&](std::int64_t begin, std::int64_t end) {
    PlaneReader reader(images, open);
    for (auto k = static_cast<std::size_t>(begin); k < static_cast<std::size_t>(end); ++k) {
      if (slices[k] == Stack::kMissing) continue;
      const DicomPlane& plane = images.planes[slices[k]];
      write_plane(reader.read(plane), plane, voxels.as<T>().subspan(k * area, area));
    }
  };
  const auto count = static_cast<std::int64_t>(slices.size());
  if (pool == nullptr) {
    read_slices(0, count);
  } else {
    const bool many_files = images.files.size() > 1;  // else each range would open and index the one file again
    pool->parallel_for(count, many_files ? 4 : (count + pool->size() - 1) / pool->size(), read_slices);
  }
  interpolate_missing(slices, area, voxels.as<T>());
  return Volume(stack.geometry, scalar_type_of<T>(), std::move(voxels));
}

/// Refuses before anything is allocated.
void check_size(const Geometry& geometry, ScalarType type, std::uint64_t max_bytes) {
  const auto voxels = static_cast<std::uint64_t>(geometry.voxel_count());  // at most 2^16 * 2^16 * planes listed
  if (voxels > static_cast<std::uint64_t>(kMaxVoxels) || voxels * size_of(type) > max_bytes) {
    throw Error(ErrorCode::too_large, fmt::format("a series of {} voxels, the limit is {} bytes", voxels, max_bytes));
  }
}

}  // namespace

Stack stack_of(const DicomImages& images, const ReadOptions& options) {
  std::vector<Plane> planes;
  for (const DicomPlane& p : images.planes) planes.push_back(p.plane);
  const std::string what = fmt::format("series {}", images.info.uid);
  return stack_planes(planes, {images.pixels.columns, images.pixels.rows, 1}, options.fill_missing_slices, what);
}

std::size_t chosen_frame(const Stack& stack, const DicomImages& images, const ReadOptions& options) {
  const auto count = static_cast<std::int64_t>(stack.frames.size());
  const std::string range =
      fmt::format("series {} holds {} volume{}, numbered from 0", images.info.uid, count, count == 1 ? "" : "s");
  if (!options.frame && count > 1) throw Error(ErrorCode::wrong_usage, fmt::format("choose a frame: {}", range));
  const std::int64_t frame = options.frame.value_or(0);
  if (frame < 0 || frame >= count) throw Error(ErrorCode::not_found, fmt::format("no frame {}: {}", frame, range));
  return static_cast<std::size_t>(frame);
}

Volume read_dicom(const DicomImages& images, const ReadOptions& options, const DicomOpener& open) {
  const Stack stack = stack_of(images, options);
  for (const std::string& warning : stack.warnings) {
    if (options.log) options.log(LogLevel::warning, warning);
  }
  const auto& slices = stack.frames[chosen_frame(stack, images, options)];
  const ScalarType type = real_type(images);
  check_size(stack.geometry, type, options.max_bytes);
  switch (type) {
    case ScalarType::u8:
      return read_as<std::uint8_t>(images, stack, slices, options.pool, open);
    case ScalarType::i8:
      return read_as<std::int8_t>(images, stack, slices, options.pool, open);
    case ScalarType::u16:
      return read_as<std::uint16_t>(images, stack, slices, options.pool, open);
    case ScalarType::i16:
      return read_as<std::int16_t>(images, stack, slices, options.pool, open);
    case ScalarType::i32:
      return read_as<std::int32_t>(images, stack, slices, options.pool, open);
    default:
      return read_as<float>(images, stack, slices, options.pool, open);
  }
}

ImageInfo describe_dicom(const DicomImages& images, const ReadOptions& options) {
  ReadOptions lenient = options;
  lenient.fill_missing_slices = true;
  const Stack stack = stack_of(images, lenient);
  return {
      images.format, stack.geometry, real_type(images), static_cast<std::int64_t>(stack.frames.size()), {images.info}};
}

}  // namespace sagittal::io
