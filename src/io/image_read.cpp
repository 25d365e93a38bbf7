#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "io/dicom_memory.h"
#include "io/file_start.h"
#include "io/gzip.h"
#include "io/image_header.h"
#include "io/image_io.h"
#include "io/metaimage.h"
#include "io/nifti.h"
#include "io/npy.h"
#include "io/nrrd.h"
#include "io/unzip.h"

namespace sagittal::io {
namespace {

constexpr std::size_t kFirstBytes = std::size_t{1} << 16;  // say what a file is

enum class Format { nifti, nifti_gz, nrrd, metaimage, npy, dicom, other_gz, zip, unknown };

/// A file in memory: copied, only a large one is mapped.
class FileBytes {
 public:
  explicit FileBytes(const std::filesystem::path& path) {
    std::error_code unknown;
    const std::uintmax_t size = std::filesystem::file_size(path, unknown);
    if (!unknown && size > kMostCopied) {
      mapped_.emplace(path);
    } else {
      copy_ = read_file(path, kMostCopied);
    }
  }
  ByteView bytes() const { return mapped_ ? mapped_->bytes() : ByteView(copy_); }

 private:
  Bytes copy_;
  std::optional<MappedFile> mapped_;
};

Format find_format(ByteView file, std::string_view what) {
  if (looks_gzipped(file)) {
    return looks_like_nifti(gunzip_start(file, kNiftiHeaderBytes, what)) ? Format::nifti_gz : Format::other_gz;
  }
  if (looks_zipped(file)) return Format::zip;
  if (looks_like_nifti(file)) return Format::nifti;
  if (looks_like_nrrd(file)) return Format::nrrd;
  if (looks_like_npy(file)) return Format::npy;
  if (looks_like_metaimage(file)) return Format::metaimage;
  if (looks_like_dicom(file)) return Format::dicom;
  return Format::unknown;
}

[[noreturn]] void throw_unknown(std::string_view what) {
  throw Error(
      ErrorCode::unsupported,
      fmt::format("{}: not an image that is known here, expected NIfTI, NRRD, MetaImage, NumPy or DICOM", what));
}

/// A .npy file as an image: axes [k,j,i], [frame,k,j,i] or [j,i].
ImageHeader npy_header(const NpyArray& array, std::string_view what) {
  const std::size_t axes = array.shape.size();
  if (axes < 2 || axes > 4) {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: an array of {} axes is no image, expected [k, j, i]", what, axes));
  }
  ImageHeader header;
  header.format = "NumPy";
  header.type = array.type;
  for (std::size_t a = 0; a < std::min<std::size_t>(axes, 3); ++a) header.geometry.size[a] = array.shape[axes - 1 - a];
  if (axes == 4) header.frames = array.shape[0];
  return header;
}

ImageHeader parse_header(Format format, ByteView file, std::string_view what) {
  switch (format) {
    case Format::nifti:
      return parse_nifti_header(file, what);
    case Format::nifti_gz: {
      ImageHeader header = parse_nifti_header(gunzip_start(file, kNiftiHeaderBytes, what), what);
      header.encoding = Encoding::gzip;
      header.unpacked_offset = std::exchange(header.data_offset, 0);
      return header;
    }
    case Format::nrrd:
      return parse_nrrd_header(file, what);
    case Format::metaimage:
      return parse_metaimage_header(file, what);
    case Format::npy:
      return npy_header(read_npy(file, what), what);
    default:
      throw_unknown(what);
  }
}

/// Where a detached header finds its voxels: beside or below itself, never elsewhere, whatever it says.
std::filesystem::path data_path(const std::filesystem::path& header_path, const std::string& name) {
  std::error_code failure;
  const auto folder = std::filesystem::weakly_canonical(header_path, failure).parent_path();
  const auto path = std::filesystem::weakly_canonical(folder / name, failure);
  const auto outside = path.lexically_relative(folder);
  if (failure || std::filesystem::path(name).is_absolute() || outside.empty() || *outside.begin() == "..") {
    throw Error(ErrorCode::bad_input, fmt::format("{}: names voxels in {}, expected a file beside it",
                                                  header_path.string(), name.substr(0, 200)));
  }
  return path;
}

Volume read_npy_image(ByteView file, const ReadOptions& options, std::string_view what) {
  const NpyArray array = read_npy(file, what);
  return read_voxels(npy_header(array, what), array.data.as<const std::uint8_t>(), options.frame, options.max_bytes,
                     what);
}

/// `header_path` is absent for a file in memory.
Volume read_file_image(ByteView file, const std::filesystem::path* header_path, const ReadOptions& options,
                       std::string_view what) {
  const Format format = find_format(file, what);
  if (format == Format::npy) return read_npy_image(file, options, what);
  if (format == Format::dicom || format == Format::zip) {
    const DicomInMemory found = find_dicom_in(file, what, options);
    return read_dicom(choose_series(found.series, options, what), options, found.open);
  }
  if (format == Format::other_gz) {
    const Buffer unpacked = gunzip(file, options.max_bytes, what);
    const ByteView inner = unpacked.as<const std::uint8_t>();
    if (looks_gzipped(inner)) throw_unknown(what);
    return read_file_image(inner, header_path, options, what);
  }
  const ImageHeader header = parse_header(format, file, what);
  if (header.data_file.empty()) return read_voxels(header, file, options.frame, options.max_bytes, what);
  if (header_path == nullptr) {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: its voxels are in another file, {}", what, header.data_file.substr(0, 200)));
  }
  const auto path = data_path(*header_path, header.data_file);
  const FileBytes data(path);
  return read_voxels(header, data.bytes(), options.frame, options.max_bytes, path.string());
}

/// Lists the series; the geometry is that of the one chosen, or of the only one.
ImageInfo describe_series(const std::vector<DicomImages>& series, const ReadOptions& options, std::string_view what) {
  if (series.size() < 2 || !options.series_uid.empty())
    return describe_dicom(choose_series(series, options, what), options);
  ImageInfo info{"DICOM", {}};
  for (const DicomImages& images : series) info.series.push_back(images.info);
  return info;
}

ImageInfo describe_header(Format format, ByteView file, std::string_view what) {
  const ImageHeader header = parse_header(format, file, what);
  stored_bytes(header, what);
  return {header.format, header.geometry, header.type, header.frames};
}

bool is_folder(const std::filesystem::path& path) {
  std::error_code unknown;  // said by the attempt to open it
  return std::filesystem::is_directory(path, unknown);
}

}  // namespace

Volume read_image(const std::filesystem::path& path, const ReadOptions& options) {
  const std::string what = path.string();
  if (is_folder(path)) {
    return read_dicom(choose_series(find_dicom_series(path, options), options, what), options);
  }
  const FileBytes file(path);
  return read_file_image(file.bytes(), &path, options, what);
}

Volume read_image(ByteView file, std::string_view name, const ReadOptions& options) {
  return read_file_image(file, nullptr, options, name);
}

ImageInfo describe_image(const std::filesystem::path& path, const ReadOptions& options) {
  const std::string what = path.string();
  if (is_folder(path)) return describe_series(find_dicom_series(path, options), options, what);
  const Format format = find_format(read_file_start(path, kFirstBytes), what);
  if (format == Format::other_gz) {
    throw Error(ErrorCode::unsupported, fmt::format("{}: gzipped, but not NIfTI; unpack it first", what));
  }
  if (format == Format::npy || format == Format::dicom || format == Format::zip) {
    const FileBytes file(path);
    return describe_image(file.bytes(), what, options);
  }
  return parse_file_start(path, [&](const Bytes& start, bool) { return describe_header(format, start, what); });
}

ImageInfo describe_image(ByteView file, std::string_view what, const ReadOptions& options) {
  const Format format = find_format(file, what);
  if (format == Format::dicom || format == Format::zip) {
    return describe_series(find_dicom_in(file, what, options).series, options, what);
  }
  if (format == Format::other_gz) {
    const Buffer unpacked = gunzip(file, options.max_bytes, what);
    const ByteView inner = unpacked.as<const std::uint8_t>();
    if (looks_gzipped(inner)) throw_unknown(what);
    return describe_image(inner, what, options);
  }
  return describe_header(format, file, what);
}

}  // namespace sagittal::io
