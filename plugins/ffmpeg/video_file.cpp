#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "av.h"
#include "stream/operator.h"
#include "video_operators.h"

namespace sagittal::stream::ffmpeg {
namespace {

class VideoFile final : public Operator {
 public:
  void setup(Setup& setup) override {
    setup.output(out_, "out");
    setup.parameter(file_, "file", "the video").path();
    setup.parameter(grey_, "grey", "one component, the brightness, instead of three").fixed();
    setup.parameter(rate_, "frame_rate", "pictures each second; 0: as the video says").between(0, 1e6).fixed();
    setup.parameter(realtime_, "realtime", "keeps to the time; otherwise as fast as they are taken").fixed();
    setup.parameter(repeat_, "repeat", "begins again at the end");
    setup.parameter(count_, "count", "ends after so many pictures; 0: all").between(0, std::int64_t{1} << 53);
    setup.parameter(spacing_, "spacing_mm", "from one pixel to the next").between(1e-6, 1e6).fixed();
  }
  void start() override {
    AVDictionary* options = nullptr;
    reader_.emplace(*file_, "", &options);
    av_dict_free(&options);
    geometry_.spacing_mm = {*spacing_, *spacing_, 1};
  }
  void stop() override { reader_.reset(); }

  /// The picture of the last call goes out when it is due; the next is decoded while its time comes.
  void compute() override {
    if (sent_ == 0 && !waiting_) began_ = context().now();
    if (waiting_) {
      Envelope envelope{context().name(), context().utc_now(), ++sent_, {}};
      envelope.metadata.set("VideoTime", fmt::format("{:.6f}", static_cast<double>(waiting_time_) / 1e9));
      out_.send(std::move(*waiting_), std::move(envelope));
      waiting_.reset();
    }
    if (!decode()) return context().finish();
    if (*realtime_) context().not_before(began_ + waiting_time_);
  }
  Json counters() const override { return {{"sent", sent_}, {"damaged", reader_ ? reader_->damaged() : 0}}; }

 private:
  bool decode() {
    if (*count_ > 0 && decoded_ >= static_cast<std::uint64_t>(*count_)) return false;
    const AVFrame* picture = reader_->next();
    if (picture == nullptr) {
      if (!*repeat_ || decoded_in_round_ == 0 || !reader_->rewind()) return false;
      decoded_in_round_ = 0;
      round_start_ = waiting_time_ + step();
      if ((picture = reader_->next()) == nullptr) return false;
    }
    const std::int64_t by_step = decoded_ == 0 ? 0 : waiting_time_ + step();
    std::int64_t time = by_step;
    if (*rate_ == 0) time = round_start_ + reader_->time_ns().value_or(by_step - round_start_);
    // Never back, and no gap longer than a day, whatever the file says.
    waiting_time_ = std::clamp(time, waiting_time_, waiting_time_ + std::int64_t{86'400} * 1'000'000'000);
    waiting_ = to_frame_.convert(*picture, *grey_, geometry_, true, context().frames());
    ++decoded_;
    ++decoded_in_round_;
    return true;
  }
  std::int64_t step() const {
    const double rate = *rate_ > 0 ? *rate_ : reader_->rate();
    return static_cast<std::int64_t>(1e9 / std::clamp(rate > 0 ? rate : 25.0, 1e-3, 1e6));
  }

  Output<Frame> out_;
  Parameter<std::string> file_;
  Parameter<bool> grey_{false}, realtime_{true}, repeat_{false};
  Parameter<double> rate_{0}, spacing_{1};
  Parameter<std::int64_t> count_{0};
  std::optional<Reader> reader_;
  ToFrame to_frame_;
  Geometry geometry_;
  std::optional<Frame> waiting_;
  std::int64_t waiting_time_ = 0, round_start_ = 0;
  SteadyTime began_ = 0;
  std::uint64_t sent_ = 0, decoded_ = 0, decoded_in_round_ = 0;
};

}  // namespace

void add_video_file(OperatorRegistry& registry) {
  registry.add<VideoFile>("video_file", "Pictures of a video file, in its time (FFmpeg).");
}

}  // namespace sagittal::stream::ffmpeg
