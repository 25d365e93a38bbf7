#include <algorithm>
#include <deque>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "stream/operators/operators.h"
#include "stream/operators/place.h"

namespace sagittal::stream {
namespace {

double seconds(UtcTime time) { return static_cast<double>(time) / 1e9; }

/// A name of two coordinate systems; nothing for others, "Stylus".
std::optional<TransformName> pair_of(const std::string& name) {
  try {
    return parse_transform_name(name);
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// Frames wait until the transforms after them are known, or long enough; then they are placed.
class PosePair final : public Operator {
  void setup(Setup& setup) override {
    setup.input(frame_, "frame").queue({.capacity = 4});
    setup.input(transform_, "transform").optional().queue({.capacity = 64});
    setup.input(tracking_, "tracking").optional().queue({.capacity = 64});
    setup.any_of({&frame_, &transform_, &tracking_});
    setup.output(out_, "out");
    setup.parameter(place_, "transform", "that places the frames; found along what is known: ImageToReference")
        .at_start();
    setup.parameter(calibration_, "calibration", "{ImageToProbe: [16 numbers]}, as in a device set of Plus").fixed();
    setup.parameter(tracker_, "tracker", "that tools of TDATA are tracked by: Stylus is StylusToTracker").at_start();
    setup.parameter(without_, "without_pose", "what becomes of frames without a pose").one_of({"drop", "pass"});
    setup.parameter(gap_ms_, "largest_gap_ms", "between two poses that are interpolated between")
        .between(1, 60'000)
        .at_start();
    setup.parameter(wait_ms_, "wait_ms", "that a frame waits for the pose after it").between(0, 60'000);
  }
  void start() override {
    name_ = parse_transform_name(*place_);
    known_ = {}, tools_.clear(), waiting_.clear();
    newest_ = 0, placed_ = without_pose_ = 0;
    add_calibration(known_, *calibration_);
  }
  void compute() override {
    while (auto transform = transform_.try_take()) remember(**transform, transform->envelope.acquired);
    while (auto tracking = tracking_.try_take()) {
      for (Transform tool : (*tracking)->tools) {
        if (!pair_of(tool.name)) tool.name += "To" + *tracker_;
        remember(tool, tracking->envelope.acquired);
      }
    }
    while (auto frame = frame_.try_take()) {
      newest_ = std::max(newest_, frame->envelope.acquired);
      waiting_.push_back(std::move(*frame));
    }
    while (!waiting_.empty() && (waiting_.size() > kMostWaiting || is_due(waiting_.front().envelope.acquired))) {
      place(std::move(waiting_.front()));
      waiting_.pop_front();
    }
  }
  Json counters() const override {
    return {{"placed", placed_}, {"without_pose", without_pose_}, {"waiting", waiting_.size()}};
  }

  void remember(const Transform& transform, UtcTime acquired) {
    newest_ = std::max(newest_, acquired);
    const auto pair = pair_of(transform.name);
    if (!pair) return;
    const Affine affine = affine_of(transform);
    if (transform.valid && !is_rigid(affine)) return known_.set(*pair, affine);  // a calibration
    auto tool = tools_.find(*pair);
    if (tool == tools_.end()) {
      if (tools_.size() >= kMostTools) throw Error(ErrorCode::too_large, fmt::format("more than {} tools", kMostTools));
      tool = tools_.emplace(*pair, PoseBuffer(kPoses, static_cast<double>(*gap_ms_) / 1e3)).first;
    }
    tool->second.add(seconds(acquired), affine, transform.valid);
  }

  bool is_due(UtcTime time) const {
    if (newest_ - time > *wait_ms_ * 1'000'000) return true;
    return !tools_.empty() && std::all_of(tools_.begin(), tools_.end(),
                                          [&](const auto& tool) { return tool.second.latest_s() >= seconds(time); });
  }

  void place(Incoming<Frame> frame) {
    for (const auto& [name, poses] : tools_) {
      const PoseAt found = poses.at(seconds(frame.envelope.acquired));
      known_.set(name, found.status == PoseStatus::ok ? found.pose : Affine{}, found.status == PoseStatus::ok);
    }
    const bool known = known_.knows(name_);
    const TransformRepository::Entry pose = known ? known_.get(name_) : TransformRepository::Entry{{}, false};
    if (pose.valid) {
      Frame there = *frame;
      there.geometry = placed(frame->geometry, pose.affine);
      ++placed_;
      frame.envelope.metadata.set(*place_ + "Status", "OK");
      return out_.send(std::move(there), std::move(frame.envelope));
    }
    ++without_pose_;
    if (*without_ == "drop") return;
    frame.envelope.metadata.set(*place_ + "Status", "INVALID");
    out_.send(std::move(frame.value), std::move(frame.envelope));
  }

  static constexpr std::size_t kMostWaiting = 64, kMostTools = 64, kPoses = 1024;
  Input<Frame> frame_;
  Input<Transform> transform_;
  Input<Tracking> tracking_;
  Output<Frame> out_;
  Parameter<std::string> place_{"ImageToReference"}, tracker_{"Tracker"}, without_{"drop"};
  Parameter<Json> calibration_;
  Parameter<std::int64_t> gap_ms_{200}, wait_ms_{100};
  TransformName name_;
  TransformRepository known_;
  std::map<TransformName, PoseBuffer> tools_;
  std::deque<Incoming<Frame>> waiting_;
  UtcTime newest_ = 0;
  std::uint64_t placed_ = 0, without_pose_ = 0;
};

/// For each transform that comes, those asked for that can be found.
class CoordinateSystem final : public Operator {
  void setup(Setup& setup) override {
    setup.input(in_, "in").queue({.capacity = 64});
    setup.output(out_, "out");
    setup.parameter(wanted_, "transforms", "that are found along those that come: [StylusToReference]").at_start();
    setup.parameter(calibration_, "calibration", "{StylusTipToStylus: [16 numbers]}, as in a device set of Plus")
        .fixed();
  }
  void start() override {
    names_.clear(), known_ = {};
    for (const std::string& name : *wanted_) names_.push_back(parse_transform_name(name));
    add_calibration(known_, *calibration_);
  }
  void compute() override {
    Incoming<Transform> transform = in_.take();
    const auto pair = pair_of(transform->name);
    if (!pair) return;
    known_.set(*pair, affine_of(*transform), transform->valid);
    for (const TransformName& name : names_) {
      if (!known_.knows(name)) continue;
      const auto found = known_.get(name);
      Envelope envelope = transform.envelope;
      envelope.device = name.text();
      out_.send(transform_of(name.text(), found.affine, found.valid), std::move(envelope));
    }
  }

  Input<Transform> in_;
  Output<Transform> out_;
  Parameter<std::vector<std::string>> wanted_;
  Parameter<Json> calibration_;
  std::vector<TransformName> names_;
  TransformRepository known_;
};

}  // namespace

void add_pose_operators(OperatorRegistry& registry) {
  registry.add<PosePair>("pose_pair", "Places frames by the transforms of their time, interpolated.");
  registry.add<CoordinateSystem>("coordinate_system", "Finds transforms along those that come.");
}

}  // namespace sagittal::stream
