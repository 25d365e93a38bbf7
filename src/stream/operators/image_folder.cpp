#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "io/image_io.h"
#include "stream/frame.h"
#include "stream/operators/operators.h"
#include "stream/operators/volume_frames.h"

namespace sagittal::stream {
namespace {

class ImageFolder final : public Operator {
  void setup(Setup& setup) override {
    setup.output(out_, "out");
    setup.parameter(folder_, "folder", "holds .nii, .nii.gz, .nrrd, .mha or .npy, taken in the order of their names")
        .path();
    setup.parameter(device_, "device", "name of the frames");
    setup.parameter(repeat_, "repeat", "begins again after the last");
    setup.parameter(frame_rate_, "frame_rate", "frames a second; 0: as fast as they are taken").between(0, 10'000);
  }
  void start() override {
    files_.clear(), next_ = 0, sent_ = 0, begin_ = context().now();
    std::error_code failure;
    for (const auto& entry : std::filesystem::directory_iterator(*folder_, failure)) {
      if (entry.is_regular_file() && io::can_write_image(entry.path())) files_.push_back(entry.path());
      if (files_.size() > kMaxFiles)
        throw Error(ErrorCode::too_large, fmt::format("{} holds more than {} images", *folder_, kMaxFiles));
    }
    if (failure) throw Error(ErrorCode::not_found, fmt::format("{}: {}", *folder_, failure.message()));
    if (files_.empty()) throw Error(ErrorCode::not_found, fmt::format("{} holds no images", *folder_));
    std::sort(files_.begin(), files_.end());
  }
  void compute() override {
    if (next_ == files_.size()) {
      if (!*repeat_) return context().finish();
      next_ = 0;
    }
    Envelope envelope{*device_, context().utc_now(), ++sent_};
    envelope.metadata.set("file", files_[next_].filename().string());
    io::ReadOptions options;
    options.max_bytes = kMaxFrameBytes;
    out_.send(frame_of(io::read_image(files_[next_], options)), std::move(envelope));
    ++next_;
    if (next_ == files_.size() && !*repeat_) return context().finish();
    if (*frame_rate_ > 0) {
      context().not_before(begin_ + static_cast<SteadyTime>(static_cast<double>(sent_) * 1e9 / *frame_rate_));
    }
  }

  static constexpr std::size_t kMaxFiles = 1'000'000;
  Output<Frame> out_;
  Parameter<std::string> folder_, device_{"Image"};
  Parameter<bool> repeat_{false};
  Parameter<double> frame_rate_{0};
  std::vector<std::filesystem::path> files_;
  std::size_t next_ = 0;
  std::uint64_t sent_ = 0;
  SteadyTime begin_ = 0;
};

}  // namespace

void add_image_folder(OperatorRegistry& registry) {
  registry.add<ImageFolder>("image_folder", "Sends the images of a folder one by one.");
}

}  // namespace sagittal::stream
