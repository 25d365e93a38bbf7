#include "io/nifti.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::io {
namespace {

constexpr std::int32_t kSize1 = 348, kSize2 = 540;
constexpr std::int64_t kData1 = 352, kData2 = 544;  // with the four bytes that announce extensions
constexpr std::int64_t kLargestSize1 = 32767;
constexpr std::uint8_t kMillimetres = 2;
constexpr std::int16_t kScannerAnatomical = 1;

/// NIfTI's numbers for voxel types.
constexpr std::pair<std::int16_t, ScalarType> kTypes[] = {
    {2, ScalarType::u8},     {4, ScalarType::i16},   {8, ScalarType::i32},   {16, ScalarType::f32},
    {64, ScalarType::f64},   {256, ScalarType::i8},  {512, ScalarType::u16}, {768, ScalarType::u32},
    {1024, ScalarType::i64}, {1280, ScalarType::u64}};

/// The fields of both versions that say where voxels are.
struct Fields {
  std::array<std::int64_t, 8> dim{};
  std::array<double, 8> pixdim{};
  std::int16_t datatype = 0;
  double vox_offset = 0;
  double scl_slope = 0, scl_inter = 0;
  std::uint8_t xyzt_units = 0;
  std::int16_t qform_code = 0, sform_code = 0;
  Vec3 quaternion{}, q_offset{};
  std::array<std::array<double, 4>, 3> srow{};
};

/// Reads numbers at fixed offsets, in the file's byte order.
class FieldReader {
 public:
  FieldReader(ByteView bytes, bool swapped, std::string_view what) : reader_(bytes, what), swapped_(swapped) {}

  template <class T>
  T at(std::size_t offset) {
    reader_.seek(offset);
    auto bytes = reader_.read<std::array<std::uint8_t, sizeof(T)>>();
    if (swapped_) std::reverse(bytes.begin(), bytes.end());
    T value;
    std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
  template <class T, class Out>
  void fill(std::size_t offset, Out& out) {
    for (auto& value : out) {
      value = at<T>(offset);
      offset += sizeof(T);
    }
  }

 private:
  ByteReader reader_;
  bool swapped_;
};

struct Version {
  int number;  // 1 or 2
  bool swapped;
};

std::optional<Version> find_version(ByteView start) {
  if (start.size() < sizeof(std::int32_t)) return std::nullopt;
  for (const bool swapped : {false, true}) {
    const auto size = FieldReader(start, swapped, "NIfTI").at<std::int32_t>(0);
    if (size != kSize1 && size != kSize2) continue;
    const std::size_t magic = size == kSize1 ? 344 : 4;
    if (start.size() < magic + 4) return std::nullopt;
    const std::string_view text = as_text(start.subspan(magic, 4));
    const char digit = size == kSize1 ? '1' : '2';
    const bool known = text[0] == 'n' && (text[1] == '+' || text[1] == 'i') && text[2] == digit && text[3] == 0;
    if (known) return Version{digit - '0', swapped};
  }
  return std::nullopt;
}

Fields read_fields1(FieldReader r) {
  Fields f;
  r.fill<std::int16_t>(40, f.dim);
  f.datatype = r.at<std::int16_t>(70);
  r.fill<float>(76, f.pixdim);
  f.vox_offset = r.at<float>(108);
  f.scl_slope = r.at<float>(112);
  f.scl_inter = r.at<float>(116);
  f.xyzt_units = r.at<std::uint8_t>(123);
  f.qform_code = r.at<std::int16_t>(252);
  f.sform_code = r.at<std::int16_t>(254);
  r.fill<float>(256, f.quaternion);
  r.fill<float>(268, f.q_offset);
  for (std::size_t row = 0; row < 3; ++row) r.fill<float>(280 + 16 * row, f.srow[row]);
  return f;
}

Fields read_fields2(FieldReader r) {
  Fields f;
  f.datatype = r.at<std::int16_t>(12);
  r.fill<std::int64_t>(16, f.dim);
  r.fill<double>(104, f.pixdim);
  f.vox_offset = static_cast<double>(r.at<std::int64_t>(168));
  f.scl_slope = r.at<double>(176);
  f.scl_inter = r.at<double>(184);
  f.qform_code = static_cast<std::int16_t>(r.at<std::int32_t>(344));
  f.sform_code = static_cast<std::int16_t>(r.at<std::int32_t>(348));
  r.fill<double>(352, f.quaternion);
  r.fill<double>(376, f.q_offset);
  for (std::size_t row = 0; row < 3; ++row) r.fill<double>(400 + 32 * row, f.srow[row]);
  f.xyzt_units = static_cast<std::uint8_t>(r.at<std::int32_t>(500));
  return f;
}

/// Columns and origin of index -> world.
struct Affine {
  Mat3 columns;
  Vec3 origin;
};

double millimetres_per_unit(std::uint8_t xyzt_units) {
  switch (xyzt_units & 7) {
    case 1:
      return 1000;
    case 3:
      return 0.001;
    default:
      return 1;
  }
}

Affine sform(const Fields& f) {
  Affine affine;
  for (int r = 0; r < 3; ++r) {
    affine.columns[r] = {f.srow[r][0], f.srow[r][1], f.srow[r][2]};
    affine.origin[r] = f.srow[r][3];
  }
  return affine;
}

Affine qform(const Fields& f) {
  auto [b, c, d] = f.quaternion;
  const double rest = 1 - (b * b + c * c + d * d);
  double a = 0;
  if (rest > 1e-7) {
    a = std::sqrt(rest);
  } else {  // a half turn: a is 0 up to rounding
    const double length = std::hypot(b, c, d);
    b /= length, c /= length, d /= length;
  }
  const Mat3 rotation{{{a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)},
                       {2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)},
                       {2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c}}};
  const double handedness = f.pixdim[0] < 0 ? -1 : 1;
  Affine affine{rotation, f.q_offset};
  for (auto& row : affine.columns) {
    row[0] *= f.pixdim[1];
    row[1] *= f.pixdim[2];
    row[2] *= f.pixdim[3] * handedness;
  }
  return affine;
}

Affine voxel_sizes_only(const Fields& f) {
  return {{{{std::abs(f.pixdim[1]), 0, 0}, {0, std::abs(f.pixdim[2]), 0}, {0, 0, std::abs(f.pixdim[3])}}}, {0, 0, 0}};
}

Geometry to_geometry(const Index3& size, const Fields& f, Affine affine, std::string_view what) {
  const double scale = millimetres_per_unit(f.xyzt_units);
  for (int r = 0; r < 3; ++r) {
    const double to_lps = r < 2 ? -scale : scale;
    affine.origin[r] *= to_lps;
    for (double& value : affine.columns[r]) value *= to_lps;
  }
  return geometry_from_columns(size, affine.columns, affine.origin, what);
}

Geometry choose_geometry(const Index3& size, const Fields& f, std::string_view what) {
  if (f.sform_code > 0) {
    try {
      return to_geometry(size, f, sform(f), fmt::format("{}: sform", what));
    } catch (const Error&) {
      if (f.qform_code <= 0) throw;
    }
  }
  if (f.qform_code > 0) return to_geometry(size, f, qform(f), fmt::format("{}: qform", what));
  return to_geometry(size, f, voxel_sizes_only(f), what);
}

ScalarType scalar_type(std::int16_t datatype, std::string_view what) {
  for (const auto& [number, type] : kTypes) {
    if (number == datatype) return type;
  }
  throw Error(
      ErrorCode::unsupported,
      fmt::format("{}: NIfTI datatype {} is not supported, expected an integer or float type (complex and RGB are not)",
                  what, datatype));
}

void read_shape(const Fields& f, ImageHeader& header, std::string_view what) {
  if (f.dim[0] < 1 || f.dim[0] > 7) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: {} dimensions, expected 1 to 7", what, f.dim[0]));
  }
  for (std::size_t axis = 1; axis <= static_cast<std::size_t>(f.dim[0]); ++axis) {
    if (f.dim[axis] < 1)
      throw Error(ErrorCode::bad_input, fmt::format("{}: size {} of axis {}", what, f.dim[axis], axis));
    if (axis <= 3) {
      header.geometry.size[axis - 1] = f.dim[axis];
    } else {
      const std::uint64_t frames =
          checked_product(static_cast<std::uint64_t>(header.frames), static_cast<std::uint64_t>(f.dim[axis]), what);
      if (frames > static_cast<std::uint64_t>(kMaxVoxels))
        throw Error(ErrorCode::too_large, fmt::format("{}: {} volumes", what, frames));
      header.frames = static_cast<std::int64_t>(frames);
    }
  }
}

std::uint64_t data_offset(double vox_offset, std::int64_t least, std::string_view what) {
  constexpr double kFarthest = 1 << 30;
  if (vox_offset == 0) return static_cast<std::uint64_t>(least);  // as some writers leave it
  if (vox_offset >= static_cast<double>(least) && vox_offset <= kFarthest)
    return static_cast<std::uint64_t>(vox_offset);
  throw Error(ErrorCode::bad_input,
              fmt::format("{}: voxels at byte {}, expected {} or later", what, vox_offset, least));
}

/// Rotation part of a direction as NIfTI's quaternion (b, c, d), and the sign of its determinant.
std::pair<Vec3, double> quaternion_of(Mat3 m) {
  const double handedness = determinant(m) < 0 ? -1 : 1;
  for (auto& row : m) row[2] *= handedness;
  const double trace = m[0][0] + m[1][1] + m[2][2] + 1;
  if (trace > 0.5) {
    const double a = 0.5 * std::sqrt(trace);
    return {{0.25 * (m[2][1] - m[1][2]) / a, 0.25 * (m[0][2] - m[2][0]) / a, 0.25 * (m[1][0] - m[0][1]) / a},
            handedness};
  }
  int p = 0;  // the axis nearest the axis of turning
  for (int axis = 1; axis < 3; ++axis) p = m[axis][axis] > m[p][p] ? axis : p;
  const int q = (p + 1) % 3, r = (p + 2) % 3;
  Vec3 v{};
  v[p] = 0.5 * std::sqrt(std::max(0.0, 1 + m[p][p] - m[q][q] - m[r][r]));
  v[q] = 0.25 * (m[p][q] + m[q][p]) / v[p];
  v[r] = 0.25 * (m[p][r] + m[r][p]) / v[p];
  if (m[r][q] < m[q][r]) v = {-v[0], -v[1], -v[2]};
  return {v, handedness};
}

Fields fields_of(const Volume& volume) {
  const Geometry& g = volume.geometry();
  const auto [quaternion, handedness] = [&g] {
    Mat3 ras = g.direction;
    for (int c = 0; c < 3; ++c) ras[0][c] = -ras[0][c], ras[1][c] = -ras[1][c];
    return quaternion_of(ras);
  }();
  Fields f;
  f.dim = {3, g.size[0], g.size[1], g.size[2], 1, 1, 1, 1};
  f.pixdim = {handedness, g.spacing_mm[0], g.spacing_mm[1], g.spacing_mm[2], 1, 1, 1, 1};
  f.datatype =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](auto& t) { return t.second == volume.type(); })->first;
  f.scl_slope = 1;
  f.xyzt_units = kMillimetres;
  f.qform_code = f.sform_code = kScannerAnatomical;
  f.quaternion = quaternion;
  f.q_offset = flip_lps_ras(g.origin_mm);
  const Mat3 columns = columns_of(g);
  for (int c = 0; c < 4; ++c) {
    const Vec3 lps = c == 3 ? g.origin_mm : Vec3{columns[0][c], columns[1][c], columns[2][c]};
    for (int r = 0; r < 3; ++r) f.srow[r][c] = flip_lps_ras(lps)[r];
  }
  return f;
}

/// Writes numbers at fixed offsets, little-endian.
class FieldWriter {
 public:
  explicit FieldWriter(Bytes& bytes) : bytes_(bytes) {}
  template <class T>
  void at(std::size_t offset, T value) {
    std::memcpy(bytes_.data() + offset, &value, sizeof(T));
  }
  template <class T, class In>
  void fill(std::size_t offset, const In& in) {
    for (const auto& value : in) {
      at<T>(offset, static_cast<T>(value));
      offset += sizeof(T);
    }
  }

 private:
  Bytes& bytes_;
};

void write_fields1(const Fields& f, std::int16_t bits, FieldWriter w) {
  w.at<std::int32_t>(0, kSize1);
  w.fill<std::int16_t>(40, f.dim);
  w.at<std::int16_t>(70, f.datatype);
  w.at<std::int16_t>(72, bits);
  w.fill<float>(76, f.pixdim);
  w.at<float>(108, kData1);
  w.at<float>(112, static_cast<float>(f.scl_slope));
  w.at<std::uint8_t>(123, f.xyzt_units);
  w.at<std::int16_t>(252, f.qform_code);
  w.at<std::int16_t>(254, f.sform_code);
  w.fill<float>(256, f.quaternion);
  w.fill<float>(268, f.q_offset);
  for (std::size_t row = 0; row < 3; ++row) w.fill<float>(280 + 16 * row, f.srow[row]);
  w.fill<char>(344, std::string_view("n+1"));
}

void write_fields2(const Fields& f, std::int16_t bits, FieldWriter w) {
  w.at<std::int32_t>(0, kSize2);
  w.fill<char>(4, std::string_view("n+2\0\r\n\032\n", 8));
  w.at<std::int16_t>(12, f.datatype);
  w.at<std::int16_t>(14, bits);
  w.fill<std::int64_t>(16, f.dim);
  w.fill<double>(104, f.pixdim);
  w.at<std::int64_t>(168, kData2);
  w.at<double>(176, f.scl_slope);
  w.at<std::int32_t>(344, f.qform_code);
  w.at<std::int32_t>(348, f.sform_code);
  w.fill<double>(352, f.quaternion);
  w.fill<double>(376, f.q_offset);
  for (std::size_t row = 0; row < 3; ++row) w.fill<double>(400 + 32 * row, f.srow[row]);
  w.at<std::int32_t>(500, f.xyzt_units);
}

}  // namespace

bool looks_like_nifti(ByteView start) { return find_version(start).has_value(); }

ImageHeader parse_nifti_header(ByteView start, std::string_view what) {
  const auto version = find_version(start);
  if (!version) throw Error(ErrorCode::bad_input, fmt::format("{}: not a NIfTI-1 or NIfTI-2 file", what));
  const FieldReader reader(start, version->swapped, what);
  const Fields f = version->number == 1 ? read_fields1(reader) : read_fields2(reader);
  const bool detached = start[version->number == 1 ? 345 : 5] == 'i';
  if (detached) {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: voxels in a separate .img file; convert the pair to .nii first", what));
  }
  ImageHeader header;
  header.format = version->number == 1 ? "NIfTI-1" : "NIfTI-2";
  header.type = scalar_type(f.datatype, what);
  header.big_endian = version->swapped;
  read_shape(f, header, what);
  header.geometry = choose_geometry(header.geometry.size, f, what);
  header.data_offset = data_offset(f.vox_offset, version->number == 1 ? kData1 : kData2, what);
  if (f.scl_slope != 0 && std::isfinite(f.scl_slope) && std::isfinite(f.scl_inter)) {
    header.slope = f.scl_slope;
    header.intercept = f.scl_inter;
  }
  return header;
}

Bytes write_nifti(const Volume& volume) {
  const Fields f = fields_of(volume);
  const bool large = *std::max_element(f.dim.begin(), f.dim.end()) > kLargestSize1;
  const auto offset = static_cast<std::size_t>(large ? kData2 : kData1);
  const auto bits = static_cast<std::int16_t>(8 * size_of(volume.type()));
  Bytes file(offset + volume.bytes().size());
  large ? write_fields2(f, bits, FieldWriter(file)) : write_fields1(f, bits, FieldWriter(file));
  std::memcpy(file.data() + offset, volume.bytes().data(), volume.bytes().size());
  return file;
}

}  // namespace sagittal::io
