#include "stream/operators/model_operator.h"

#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "stream/operators/frame_operator.h"

namespace sagittal::stream {
namespace {

constexpr std::size_t kMaxModels = 64;

std::string name_of_model(const std::filesystem::path& path) { return path.stem().string(); }

}  // namespace

void ModelOperator::setup(Setup& setup) {
  setup.input(in_, "in");
  setup.output(out_, "out");
  setup.output(image_, "image");
  setup.parameter(model_, "model", "the network, or a folder that holds several").path();
  setup.parameter(use_, "use", "name of one of several; empty: the first");
  setup.parameter(every_, "every", "the network runs on one of so many frames").between(1, 1'000'000);
  setup.parameter(hold_, "hold", "the frames between get the result before theirs; else they get none");
  setup.parameter(active_, "active", "whether the network runs at all");
  setup.parameter(channel_, "channel", "that goes out as image; -1: the last").between(-1, kMaxComponents);
  setup.parameter(image_type_, "image_type", "uint8: 255 times the value; float32: the value")
      .one_of({"uint8", "float32"});
  declare(setup);
}

void ModelOperator::start() {
  known_.clear(), opened_.clear(), last_.reset();
  frames_ = runs_ = 0;
  find_models();
  chosen();
}

void ModelOperator::stop() {
  opened_.clear();
  last_.reset();
}

void ModelOperator::find_models() {
  const std::filesystem::path path(*model_);
  std::error_code failure;
  if (model_->empty() || !std::filesystem::exists(path, failure)) {
    throw Error(ErrorCode::not_found, fmt::format("there is no model \"{}\"", *model_));
  }
  if (is_model(path)) {
    known_.emplace(name_of_model(path), path);
    return;
  }
  for (const auto& entry : std::filesystem::directory_iterator(path, failure)) {
    if (is_model(entry.path())) known_.emplace(name_of_model(entry.path()), entry.path());
    if (known_.size() > kMaxModels) {
      throw Error(ErrorCode::too_large, fmt::format("{} holds more than {} models", *model_, kMaxModels));
    }
  }
  if (known_.empty()) throw Error(ErrorCode::not_found, fmt::format("{} is no model and holds none", *model_));
}

FrameModel& ModelOperator::chosen() {
  const auto found = use_->empty() ? known_.begin() : known_.find(*use_);
  if (found == known_.end()) {
    std::vector<std::string> names;
    for (const auto& [name, path] : known_) names.push_back(name);
    throw Error(ErrorCode::not_found, fmt::format("there is no model \"{}\", only {}", *use_, fmt::join(names, ", ")));
  }
  auto& model = opened_[found->first];
  if (!model) model = open(found->second);
  last_model_ = found->first;
  return *model;
}

void ModelOperator::compute() {
  Incoming<Frame> frame = in_.take();
  check_picture(*frame);
  const bool turn = frames_++ % static_cast<std::uint64_t>(*every_) == 0;
  if (!*active_) return last_.reset();
  if (turn) {
    last_ = std::make_shared<const Tensor>(chosen().run(*frame, context().frames()));
    ++runs_;
  } else if (!*hold_ || !last_) {
    return;
  }
  send(*frame, frame.envelope);
}

/// A result that is held lies on the grid of the frame it goes with.
void ModelOperator::send(const Frame& frame, const Envelope& envelope) {
  std::shared_ptr<const Tensor> tensor = last_;
  if (!(tensor->geometry == frame.geometry)) {
    Tensor moved = *tensor;
    moved.geometry = frame.geometry;
    tensor = std::make_shared<const Tensor>(std::move(moved));
  }
  if (image_.connected()) {
    const ChannelsLast values = channels_last(*tensor, chosen().channels_first(), scratch_);
    const int channel = *channel_ < 0 ? values.channels - 1 : static_cast<int>(*channel_);
    const bool bytes = *image_type_ == "uint8";
    image_.send(channel_frame(*tensor, values, channel, bytes ? 255.0F : 1.0F, bytes ? ScalarType::u8 : ScalarType::f32,
                              resampler_, context().frames()),
                envelope);
  }
  out_.send(std::move(tensor), envelope);
}

Json ModelOperator::counters() const {
  Json models = Json::array();
  for (const auto& [name, path] : known_) models.push_back(name);
  Json all{{"model", last_model_}, {"models", models}, {"frames", frames_}, {"runs", runs_}};
  const auto found = opened_.find(last_model_);
  if (found != opened_.end() && found->second) all["network"] = found->second->describe();
  return all;
}

}  // namespace sagittal::stream
