#include "av.h"

#include <array>
#include <cstring>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::stream::ffmpeg {
namespace {

void copy_rows(std::uint8_t* to, std::size_t to_step, const std::uint8_t* from, std::size_t from_step,
               std::size_t bytes, int rows) {
  for (int row = 0; row < rows; ++row) {
    std::memcpy(to + static_cast<std::size_t>(row) * to_step, from + static_cast<std::size_t>(row) * from_step, bytes);
  }
}

SwsContext* scaler_for(Scaler& scaler, int width, int height, int from, int to) {
  scaler.reset(sws_getCachedContext(scaler.release(), width, height, static_cast<AVPixelFormat>(from), width, height,
                                    static_cast<AVPixelFormat>(to), SWS_POINT, nullptr, nullptr, nullptr));
  if (!scaler) throw Error(ErrorCode::unsupported, "FFmpeg cannot convert these pictures");
  return scaler.get();
}

/// Whether the first plane is one byte of brightness for each pixel.
bool has_luma(int format) {
  return format == AV_PIX_FMT_GRAY8 || format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_YUVJ420P ||
         format == AV_PIX_FMT_YUV422P || format == AV_PIX_FMT_YUVJ422P || format == AV_PIX_FMT_YUV444P ||
         format == AV_PIX_FMT_YUVJ444P || format == AV_PIX_FMT_NV12;
}

}  // namespace

int check(int result, std::string_view what) {
  if (result >= 0) return result;
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(result, text.data(), text.size());
  const ErrorCode code = result == AVERROR(ENOENT) ? ErrorCode::not_found : ErrorCode::bad_input;
  throw Error(code, fmt::format("{}: {}", what, text.data()));
}

Picture new_picture() {
  Picture picture(av_frame_alloc());
  if (!picture) throw std::bad_alloc();
  return picture;
}

Packet new_packet() {
  Packet packet(av_packet_alloc());
  if (!packet) throw std::bad_alloc();
  return packet;
}

void check_size(int width, int height) {
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide) {
    throw Error(ErrorCode::too_large,
                fmt::format("pictures of {} x {}, expected 1 to {} a side", width, height, kMaxSide));
  }
}

Frame ToFrame::convert(const AVFrame& picture, bool grey, const Geometry& like, bool any_size, FramePool& frames) {
  check_size(picture.width, picture.height);
  Frame frame{like, grey ? 1 : 3, ScalarType::u8, {}};
  if (any_size) {
    frame.geometry.size = {picture.width, picture.height, 1};
  } else if (frame.geometry.size != Index3{picture.width, picture.height, 1}) {
    throw Error(ErrorCode::bad_input, fmt::format("a picture of {} x {}, its message says {}", picture.width,
                                                  picture.height, describe_shape(frame.geometry.size)));
  }
  const auto step = static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(frame.components);
  FreshBytes fresh = frames.take(step * static_cast<std::size_t>(picture.height));
  if (grey && has_luma(picture.format) && picture.linesize[0] > 0) {
    copy_rows(fresh.span().data(), step, picture.data[0], static_cast<std::size_t>(picture.linesize[0]), step,
              picture.height);
  } else {
    SwsContext* const scaler =
        scaler_for(scaler_, picture.width, picture.height, picture.format, grey ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24);
    // The scaler may write whole vectors: rows that are aligned, then those of the frame.
    Picture wide = new_picture();
    wide->format = grey ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24;
    wide->width = picture.width;
    wide->height = picture.height;
    check(av_frame_get_buffer(wide.get(), 0), "a picture");
    check(sws_scale(scaler, picture.data, picture.linesize, 0, picture.height, wide->data, wide->linesize),
          "a picture");
    copy_rows(fresh.span().data(), step, wide->data[0], static_cast<std::size_t>(wide->linesize[0]), step,
              picture.height);
  }
  frame.pixels = std::move(fresh).share();
  check_frame(frame);
  return frame;
}

Picture ToPicture::convert(const Frame& frame) {
  if (frame.type != ScalarType::u8 || (frame.components != 1 && frame.components != 3) || frame.geometry.size[2] != 1) {
    throw Error(ErrorCode::bad_input,
                fmt::format("encodes pictures of uint8 with 1 or 3 components, found {} of {} x {}",
                            describe_shape(frame.geometry.size), frame.components, name_of(frame.type)));
  }
  if (frame.width() > kMaxSide || frame.height() > kMaxSide || frame.width() % 2 != 0 || frame.height() % 2 != 0) {
    throw Error(ErrorCode::bad_input, fmt::format("encodes even sizes up to {}, found {} x {}; crop or resize before",
                                                  kMaxSide, frame.width(), frame.height()));
  }
  Picture picture = new_picture();
  picture->format = AV_PIX_FMT_YUV420P;
  picture->width = static_cast<int>(frame.width());
  picture->height = static_cast<int>(frame.height());
  check(av_frame_get_buffer(picture.get(), 0), "a picture");
  const auto step = static_cast<std::size_t>(frame.width()) * static_cast<std::size_t>(frame.components);
  const std::uint8_t* const pixels = frame.pixels.view().data();
  if (frame.components == 1) {
    copy_rows(picture->data[0], static_cast<std::size_t>(picture->linesize[0]), pixels, step, step, picture->height);
    for (const int plane : {1, 2}) {
      std::memset(picture->data[plane], 128,
                  static_cast<std::size_t>(picture->linesize[plane]) * static_cast<std::size_t>(picture->height / 2));
    }
    return picture;
  }
  SwsContext* const scaler = scaler_for(scaler_, picture->width, picture->height, AV_PIX_FMT_RGB24, AV_PIX_FMT_YUV420P);
  const std::array<const std::uint8_t*, 4> planes{pixels};
  const std::array<int, 4> steps{static_cast<int>(step)};
  check(sws_scale(scaler, planes.data(), steps.data(), 0, picture->height, picture->data, picture->linesize),
        "a picture");
  return picture;
}

}  // namespace sagittal::stream::ffmpeg
