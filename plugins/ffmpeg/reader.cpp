#include <fmt/format.h>

#include "av.h"
#include "base/error.h"

namespace sagittal::stream::ffmpeg {

Reader::Reader(const std::string& address, const std::string& format, AVDictionary** options)
    : picture_(new_picture()), packet_(new_packet()) {
  const AVInputFormat* kind = nullptr;
  if (!format.empty() && (kind = av_find_input_format(format.c_str())) == nullptr) {
    throw Error(ErrorCode::unsupported, fmt::format("this FFmpeg has no \"{}\"", format));
  }
  // A playlist in a file must not lead to other files or to the network.
  av_dict_set(options, "protocol_whitelist", "file", 0);
  av_dict_set(
      options, "format_whitelist",
      format.empty()
          ? "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,ivf,ogg,h264,hevc,gif,flv,asf,mjpeg,yuv4mpegpipe"
          : format.c_str(),
      0);
  AVFormatContext* context = nullptr;
  check(avformat_open_input(&context, address.c_str(), kind, options), address);
  input_.reset(context);
  check(avformat_find_stream_info(context, nullptr), address);
  const AVCodec* codec = nullptr;
  stream_ = av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
  if (stream_ < 0) throw Error(ErrorCode::bad_input, fmt::format("{}: has no pictures that FFmpeg decodes", address));
  decoder_.reset(avcodec_alloc_context3(codec));
  if (!decoder_) throw std::bad_alloc();
  check(avcodec_parameters_to_context(decoder_.get(), context->streams[stream_]->codecpar), address);
  decoder_->max_pixels = std::int64_t{kMaxSide} * kMaxSide;
  decoder_->thread_count = 1;
  check(avcodec_open2(decoder_.get(), codec, nullptr), address);
}

/// One packet to the decoder; false where there is none left.
bool Reader::feed() {
  while (true) {
    const int read = av_read_frame(input_.get(), packet_.get());
    if (read == AVERROR(EAGAIN)) continue;
    if (read < 0) {
      if (read != AVERROR_EOF) ++damaged_;
      draining_ = true;
      avcodec_send_packet(decoder_.get(), nullptr);
      return false;
    }
    const bool ours = packet_->stream_index == stream_;
    const int sent = ours ? avcodec_send_packet(decoder_.get(), packet_.get()) : 0;
    av_packet_unref(packet_.get());
    if (sent < 0) ++damaged_;
    if (ours && sent >= 0) return true;
  }
}

const AVFrame* Reader::next() {
  while (true) {
    const int received = avcodec_receive_frame(decoder_.get(), picture_.get());
    if (received >= 0) return picture_.get();
    if (received == AVERROR_EOF || draining_) return nullptr;
    if (received != AVERROR(EAGAIN)) ++damaged_;
    feed();
  }
}

bool Reader::rewind() {
  if (avformat_seek_file(input_.get(), stream_, INT64_MIN, 0, 0, 0) < 0) return false;
  avcodec_flush_buffers(decoder_.get());
  draining_ = false;
  return true;
}

std::optional<std::int64_t> Reader::time_ns() const {
  const AVStream& stream = *input_->streams[stream_];
  const std::int64_t time = picture_->best_effort_timestamp;
  if (time == AV_NOPTS_VALUE || stream.time_base.den == 0) return std::nullopt;
  const std::int64_t start = stream.start_time == AV_NOPTS_VALUE ? 0 : stream.start_time;
  const std::int64_t ns = av_rescale_q(time - start, stream.time_base, {1, 1'000'000'000});
  return ns == INT64_MIN ? std::nullopt : std::optional(ns);
}

double Reader::rate() const {
  const AVRational rate = input_->streams[stream_]->avg_frame_rate;
  return rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 0;
}

}  // namespace sagittal::stream::ffmpeg
