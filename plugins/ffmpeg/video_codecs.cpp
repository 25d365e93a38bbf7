#include <array>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "av.h"
#include "base/error.h"
#include "stream/operator.h"
#include "stream/values.h"
#include "video_operators.h"

namespace sagittal::stream::ffmpeg {
namespace {

constexpr std::uint8_t kKeyFrame = 1, kOtherFrame = 3;  // of VIDEO: 1 key, 2 intra, 3 inter prediction

struct Codec {
  const char* four_characters;
  const char* encoder;
  AVCodecID decoder;
};
constexpr std::array kCodecs{Codec{"VP90", "libvpx-vp9", AV_CODEC_ID_VP9}, Codec{"H264", "libx264", AV_CODEC_ID_H264}};

const Codec& codec_of(std::string_view name) {
  for (const Codec& codec : kCodecs) {
    if (name == codec.four_characters) return codec;
  }
  throw Error(ErrorCode::unsupported, fmt::format("codec \"{}\", expected VP90 or H264", name));
}

class VideoEncode final : public Operator {
 public:
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(out_, "out");
    setup.parameter(codec_, "codec", "as VIDEO of OpenIGTLink names it").one_of({"VP90", "H264"}).at_start();
    setup.parameter(kilobits_, "kilobits", "each second, at the frame rate given").between(10, 1'000'000).at_start();
    setup.parameter(rate_, "frame_rate", "that the bits are shared out by").between(1, 1000).at_start();
    setup.parameter(key_interval_, "key_interval", "a key frame after so many at the latest")
        .between(1, 10'000)
        .at_start();
    setup.command("key_frame", "makes the next frame a key frame, as a peer needs it that has just come",
                  [this](const Json&) {
                    key_wanted_ = true;
                    return Json::object();
                  });
  }
  void stop() override {
    encoder_.reset();
    envelopes_.clear();
  }
  void compute() override {
    auto incoming = in_.take();
    const Frame& frame = *incoming;
    const Picture picture = to_picture_.convert(frame);
    if (!encoder_ || encoder_->width != picture->width || encoder_->height != picture->height ||
        grey_ != (frame.components == 1)) {
      open(*picture, frame.components == 1);
    }
    picture->pts = number_++;
    picture->pict_type = std::exchange(key_wanted_, false) ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    envelopes_.push_back({frame.geometry, std::move(incoming.envelope)});
    check(avcodec_send_frame(encoder_.get(), picture.get()), "encoding");
    const Packet packet = new_packet();
    while (avcodec_receive_packet(encoder_.get(), packet.get()) >= 0) {
      send(*packet);
      av_packet_unref(packet.get());
    }
  }
  Json counters() const override { return {{"frames", frames_}, {"key_frames", keys_}, {"bytes", bytes_}}; }

 private:
  struct Waiting {
    Geometry geometry;
    Envelope envelope;
  };

  void open(const AVFrame& picture, bool grey) {
    const Codec& kind = codec_of(*codec_);
    const AVCodec* const codec = avcodec_find_encoder_by_name(kind.encoder);
    if (codec == nullptr) throw Error(ErrorCode::unsupported, fmt::format("this FFmpeg has no {}", kind.encoder));
    envelopes_.clear();
    encoder_.reset(avcodec_alloc_context3(codec));
    if (!encoder_) throw std::bad_alloc();
    grey_ = grey;
    encoder_->width = picture.width;
    encoder_->height = picture.height;
    encoder_->pix_fmt = AV_PIX_FMT_YUV420P;
    encoder_->time_base = av_d2q(1 / *rate_, 1'000'000);
    encoder_->framerate = av_d2q(*rate_, 1'000'000);
    encoder_->bit_rate = *kilobits_ * 1000;
    encoder_->gop_size = static_cast<int>(*key_interval_);
    encoder_->max_b_frames = 0;
    encoder_->thread_count = 1;
    AVDictionary* options = nullptr;  // every picture comes out as it goes in
    const bool is_vp9 = kind.decoder == AV_CODEC_ID_VP9;
    av_dict_set(&options, is_vp9 ? "deadline" : "preset", is_vp9 ? "realtime" : "ultrafast", 0);
    av_dict_set(&options, is_vp9 ? "cpu-used" : "tune", is_vp9 ? "8" : "zerolatency", 0);
    av_dict_set(&options, is_vp9 ? "lag-in-frames" : "forced-idr", is_vp9 ? "0" : "1", 0);
    const int opened = avcodec_open2(encoder_.get(), codec, &options);
    av_dict_free(&options);
    if (opened < 0) encoder_.reset();
    check(opened, kind.encoder);
  }

  void send(const AVPacket& packet) {
    if (envelopes_.empty()) throw Error(ErrorCode::internal, "the encoder made a picture of none");
    Waiting waiting = std::move(envelopes_.front());
    envelopes_.pop_front();
    const bool key = (packet.flags & AV_PKT_FLAG_KEY) != 0;
    FreshBytes fresh = context().frames().take(static_cast<std::size_t>(packet.size));
    std::memcpy(fresh.span().data(), packet.data, fresh.span().size());
    ++frames_;
    keys_ += key ? 1 : 0;
    bytes_ += static_cast<std::uint64_t>(packet.size);
    out_.send(Encoded{*codec_, key, key ? kKeyFrame : kOtherFrame, grey_, waiting.geometry, std::move(fresh).share()},
              std::move(waiting.envelope));
  }

  Input<Frame> in_;
  Output<Encoded> out_;
  Parameter<std::string> codec_{"VP90"};
  Parameter<std::int64_t> kilobits_{4000}, key_interval_{60};
  Parameter<double> rate_{30};
  CodecContext encoder_;
  ToPicture to_picture_;
  std::deque<Waiting> envelopes_;
  std::int64_t number_ = 0;
  bool grey_ = false, key_wanted_ = false;
  std::uint64_t frames_ = 0, keys_ = 0, bytes_ = 0;
};

class VideoDecode final : public Operator {
 public:
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(out_, "out");
  }
  void stop() override { decoder_.reset(); }
  void compute() override {
    auto incoming = in_.take();
    const Encoded& encoded = *incoming;
    if (encoded.codec != codec_ || encoded.geometry.size != size_) open(encoded);
    if (!began_ && !encoded.key_frame) {
      ++before_key_;
      return;
    }
    Packet packet = new_packet();
    check(av_new_packet(packet.get(), static_cast<int>(encoded.bytes.size())), "a picture");  // with FFmpeg's padding
    std::memcpy(packet->data, encoded.bytes.view().data(), encoded.bytes.size());
    const int sent = avcodec_send_packet(decoder_.get(), packet.get());
    const Picture picture = new_picture();
    if (sent < 0 || avcodec_receive_frame(decoder_.get(), picture.get()) < 0) {
      began_ = false;  // what follows refers to what is not there
      ++damaged_;
      return;
    }
    began_ = true;
    Frame frame = to_frame_.convert(*picture, encoded.grey, encoded.geometry, false, context().frames());
    ++frames_;
    out_.send(std::move(frame), std::move(incoming.envelope));
  }
  Json counters() const override {
    return {{"frames", frames_}, {"before_key_frame", before_key_}, {"damaged", damaged_}};
  }

 private:
  void open(const Encoded& encoded) {
    const AVCodec* const codec = avcodec_find_decoder(codec_of(encoded.codec).decoder);
    if (codec == nullptr) throw Error(ErrorCode::unsupported, fmt::format("this FFmpeg decodes no {}", encoded.codec));
    if (encoded.bytes.size() > kMaxFrameBytes) throw Error(ErrorCode::too_large, "an encoded picture is too large");
    decoder_.reset(avcodec_alloc_context3(codec));
    if (!decoder_) throw std::bad_alloc();
    decoder_->max_pixels = std::int64_t{kMaxSide} * kMaxSide;
    decoder_->thread_count = 1;
    decoder_->flags |= AV_CODEC_FLAG_LOW_DELAY;
    check(avcodec_open2(decoder_.get(), codec, nullptr), encoded.codec);
    codec_ = encoded.codec;
    size_ = encoded.geometry.size;
    began_ = false;
  }

  Input<Encoded> in_;
  Output<Frame> out_;
  CodecContext decoder_;
  ToFrame to_frame_;
  std::string codec_;
  Index3 size_{};
  bool began_ = false;
  std::uint64_t frames_ = 0, before_key_ = 0, damaged_ = 0;
};

}  // namespace

void add_video_codecs(OperatorRegistry& registry) {
  registry.add<VideoEncode>("video_encode", "Frames to VP9 or H.264, without delay (FFmpeg).");
  registry.add<VideoDecode>("video_decode", "VP9 or H.264 to frames, from the first key frame on (FFmpeg).");
}

}  // namespace sagittal::stream::ffmpeg
