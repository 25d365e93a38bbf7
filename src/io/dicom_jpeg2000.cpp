#include <openjpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include <fmt/format.h>

#include "base/error.h"
#include "io/dicom_pixels.h"

namespace sagittal::io {
namespace {

/// The codestream as OpenJPEG reads it.
struct Source {
  ByteView bytes;
  std::size_t offset = 0;
};

OPJ_SIZE_T read_some(void* buffer, OPJ_SIZE_T wanted, void* user) {
  auto& source = *static_cast<Source*>(user);
  const std::size_t count = std::min(wanted, source.bytes.size() - source.offset);
  if (count == 0) return static_cast<OPJ_SIZE_T>(-1);
  std::memcpy(buffer, source.bytes.data() + source.offset, count);
  source.offset += count;
  return count;
}

OPJ_OFF_T skip_some(OPJ_OFF_T wanted, void* user) {
  auto& source = *static_cast<Source*>(user);
  if (wanted < 0) return -1;
  const std::size_t count = std::min(static_cast<std::size_t>(wanted), source.bytes.size() - source.offset);
  source.offset += count;
  return count == 0 && wanted > 0 ? -1 : static_cast<OPJ_OFF_T>(count);
}

OPJ_BOOL seek_to(OPJ_OFF_T offset, void* user) {
  auto& source = *static_cast<Source*>(user);
  if (offset < 0 || static_cast<std::size_t>(offset) > source.bytes.size()) return OPJ_FALSE;
  source.offset = static_cast<std::size_t>(offset);
  return OPJ_TRUE;
}

using Stream = std::unique_ptr<opj_stream_t, decltype(&opj_stream_destroy)>;
using Codec = std::unique_ptr<opj_codec_t, decltype(&opj_destroy_codec)>;
using Image = std::unique_ptr<opj_image_t, decltype(&opj_image_destroy)>;

Stream open_stream(Source& source) {
  Stream stream(opj_stream_default_create(OPJ_TRUE), opj_stream_destroy);
  if (!stream) throw std::bad_alloc();
  opj_stream_set_user_data(stream.get(), &source, nullptr);
  opj_stream_set_user_data_length(stream.get(), source.bytes.size());
  opj_stream_set_read_function(stream.get(), read_some);
  opj_stream_set_skip_function(stream.get(), skip_some);
  opj_stream_set_seek_function(stream.get(), seek_to);
  return stream;
}

bool is_boxed(ByteView bytes) { return bytes.size() > 12 && as_text(bytes.subspan(4, 4)) == "jP  "; }

[[noreturn]] void throw_damaged(std::string_view what) {
  throw Error(ErrorCode::bad_input, fmt::format("{}: its JPEG 2000 pixels are damaged or truncated", what));
}

/// What the stream says of itself must be what the DICOM header says: nothing is decoded otherwise.
void check_size(const opj_image_t& image, const PixelFormat& f, std::string_view what) {
  const bool one = image.numcomps == 1 && image.comps[0].dx == 1 && image.comps[0].dy == 1;
  const bool sized = image.x1 - image.x0 == f.columns && image.y1 - image.y0 == f.rows;
  if (!one || !sized || image.x1 < image.x0 || image.y1 < image.y0 || image.comps[0].prec > f.bits_allocated) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: JPEG 2000 pixels of {}x{}, {} components, expected {}x{} grey values", what,
                            image.x1 - image.x0, image.y1 - image.y0, image.numcomps, f.columns, f.rows));
  }
}

}  // namespace

Bytes decode_jpeg2000(ByteView codestream, const PixelFormat& format, std::string_view what) {
  Source source{codestream};
  const Stream stream = open_stream(source);
  const Codec codec(opj_create_decompress(is_boxed(codestream) ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K), opj_destroy_codec);
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  opj_image_t* raw = nullptr;
  const bool opened = codec && opj_setup_decoder(codec.get(), &parameters) == OPJ_TRUE &&
                      opj_read_header(stream.get(), codec.get(), &raw) == OPJ_TRUE;
  const Image image(raw, opj_image_destroy);
  if (!opened || !image) throw_damaged(what);
  check_size(*image, format, what);
  if (opj_decode(codec.get(), stream.get(), image.get()) != OPJ_TRUE) throw_damaged(what);
  const opj_image_comp_t& grey = image->comps[0];
  if (grey.data == nullptr || grey.w != format.columns || grey.h != format.rows) throw_damaged(what);
  const std::size_t width = format.bits_allocated / 8;
  Bytes out(format.frame_bytes());
  for (std::size_t i = 0; i < format.pixels(); ++i) std::memcpy(out.data() + i * width, &grey.data[i], width);
  return out;
}

}  // namespace sagittal::io
