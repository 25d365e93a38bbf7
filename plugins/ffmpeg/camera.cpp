extern "C" {
#include <libavdevice/avdevice.h>
}

#include <atomic>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "av.h"
#include "base/error.h"
#include "stream/operator.h"
#include "video_operators.h"

namespace sagittal::stream::ffmpeg {
namespace {

/// A thread reads the camera; of what it has, the pipeline takes the latest.
class Camera final : public Operator {
 public:
  ~Camera() override { end(); }
  void setup(Setup& setup) override {
    setup.output(out_, "out").live();
    setup.runs_on(event_);
    setup.parameter(device_, "device", "a device of Video4Linux").fixed();
    setup.parameter(size_, "size", "width and height; empty: the camera's own").fixed();
    setup.parameter(rate_, "frame_rate", "pictures each second; 0: the camera's own").between(0, 1000).fixed();
    setup.parameter(input_format_, "input_format", "\"mjpeg\", \"yuyv422\"; empty: the camera's own").fixed();
    setup.parameter(grey_, "grey", "one component, the brightness, instead of three").fixed();
    setup.parameter(spacing_, "spacing_mm", "from one pixel to the next").between(1e-6, 1e6).fixed();
  }
  void start() override {
    avdevice_register_all();
    AVDictionary* options = nullptr;
    if (!size_->empty()) {
      if (size_->size() != 2) throw Error(ErrorCode::bad_input, "\"size\" is width and height");
      av_dict_set(&options, "video_size", fmt::format("{}x{}", (*size_)[0], (*size_)[1]).c_str(), 0);
    }
    if (*rate_ > 0) av_dict_set(&options, "framerate", fmt::format("{}", *rate_).c_str(), 0);
    if (!input_format_->empty()) av_dict_set(&options, "input_format", input_format_->c_str(), 0);
    try {
      reader_.emplace(*device_, "video4linux2,v4l2", &options);
    } catch (...) {
      av_dict_free(&options);
      throw;
    }
    av_dict_free(&options);
    geometry_.spacing_mm = {*spacing_, *spacing_, 1};
    stopping_ = false;
    thread_ = std::thread([this] { read_all(); });
  }
  void stop() override {
    end();
    reader_.reset();
  }
  void compute() override {
    std::optional<Frame> frame;
    Envelope envelope{context().name(), 0, 0, {}};
    {
      const std::lock_guard lock(mutex_);
      if (failure_) throw Error(*failure_);
      frame.swap(latest_);
      envelope.acquired = taken_;
      envelope.sequence = number_;
    }
    if (frame) out_.send(std::move(*frame), std::move(envelope));
  }
  Json counters() const override {
    const std::lock_guard lock(mutex_);
    return {{"taken", number_}, {"overwritten", overwritten_}};
  }

 private:
  void end() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();  // a camera gives its next picture within its period
  }
  void read_all() {
    try {
      while (!stopping_) {
        const AVFrame* const picture = reader_->next();
        if (picture == nullptr) throw Error(ErrorCode::gone, fmt::format("{}: the camera ended", *device_));
        const UtcTime now = context().utc_now();
        Frame frame = to_frame_.convert(*picture, *grey_, geometry_, true, context().frames());
        const std::lock_guard lock(mutex_);
        overwritten_ += latest_ ? 1 : 0;
        latest_ = std::move(frame);
        taken_ = now;
        ++number_;
        event_.notify();
      }
    } catch (const Error& error) {
      const std::lock_guard lock(mutex_);
      failure_ = error;
      event_.notify();
    }
  }

  Output<Frame> out_;
  Parameter<std::string> device_{"/dev/video0"}, input_format_;
  Parameter<std::vector<std::int64_t>> size_;
  Parameter<double> rate_{0}, spacing_{1};
  Parameter<bool> grey_{false};
  AsyncEvent event_;
  std::optional<Reader> reader_;
  ToFrame to_frame_;
  Geometry geometry_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::optional<Frame> latest_;
  std::optional<Error> failure_;
  UtcTime taken_ = 0;
  std::uint64_t number_ = 0, overwritten_ = 0;
};

}  // namespace

void add_camera(OperatorRegistry& registry) {
  registry.add<Camera>("camera", "Pictures of a camera of Video4Linux, the latest (FFmpeg).");
}

}  // namespace sagittal::stream::ffmpeg
