#pragma once
extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "stream/frame.h"

namespace sagittal::stream::ffmpeg {

/// FFmpeg's objects with their owners, and pictures between it and the pipeline.

struct CloseInput {
  void operator()(AVFormatContext* context) const { avformat_close_input(&context); }
};
struct FreeContext {
  void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
};
struct FreeFrame {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
struct FreePacket {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
struct FreeScaler {
  void operator()(SwsContext* context) const { sws_freeContext(context); }
};
using Container = std::unique_ptr<AVFormatContext, CloseInput>;
using CodecContext = std::unique_ptr<AVCodecContext, FreeContext>;
using Picture = std::unique_ptr<AVFrame, FreeFrame>;
using Packet = std::unique_ptr<AVPacket, FreePacket>;
using Scaler = std::unique_ptr<SwsContext, FreeScaler>;

/// Throws what FFmpeg says behind `what` for a negative `result`; returns it otherwise.
int check(int result, std::string_view what);
Picture new_picture();
Packet new_packet();
/// Error(too_large) for pictures beyond kMaxSide a side.
void check_size(int width, int height);
inline constexpr int kMaxSide = 16384;

/// A decoded picture as a frame of u8: grey from the luma as it is, or RGB. One thread.
class ToFrame {
 public:
  /// `like` says where it lies, and its size unless `any_size`; Error(bad_input) where the picture has another.
  Frame convert(const AVFrame& picture, bool grey, const Geometry& like, bool any_size, FramePool& frames);

 private:
  Scaler scaler_;
};

/// A frame of u8 with one or three components as a picture of yuv420p for an encoder; grey becomes the luma as it is.
class ToPicture {
 public:
  /// Error(bad_input) for other frames, and for volumes.
  Picture convert(const Frame& frame);

 private:
  Scaler scaler_;
};

/// Pictures out of a file or a camera.
class Reader {
 public:
  /// `format`: of devices, "v4l2"; empty: found by the content. Only files and devices, never the network.
  /// Error(not_found | bad_input) for what cannot be opened or has no pictures.
  Reader(const std::string& address, const std::string& format, AVDictionary** options);

  /// The next picture, valid until the next call; null at the end. What is damaged is counted and left out.
  const AVFrame* next();
  /// Back to the first. False where that cannot be done.
  bool rewind();
  /// Of the last picture, from the file's start; nothing where the file says none.
  std::optional<std::int64_t> time_ns() const;
  /// Pictures a second, as the file says; 0: it does not.
  double rate() const;
  std::uint64_t damaged() const { return damaged_; }

 private:
  bool feed();
  Container input_;
  CodecContext decoder_;
  Picture picture_;
  Packet packet_;
  int stream_ = -1;
  bool draining_ = false;
  std::uint64_t damaged_ = 0;
};

}  // namespace sagittal::stream::ffmpeg
