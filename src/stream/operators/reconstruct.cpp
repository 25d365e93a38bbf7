#include <optional>

#include <fmt/format.h>

#include "stream/operators/convert.h"
#include "stream/operators/frame_operator.h"
#include "stream/operators/operators.h"
#include "stream/operators/place.h"
#include "stream/operators/volume_frames.h"
#include "volume/reconstruct.h"
#include "volume/scan_conversion.h"

namespace sagittal::stream {
namespace {

template <class T>
ImageView<const T> view_of(const Frame& frame) {
  return {frame.as<T>().data(), frame.width(), frame.height(), frame.components};
}

class Reconstruct final : public Operator {
  void setup(Setup& setup) override {
    setup.input(in_, "in").queue({.capacity = 4});
    setup.output(out_, "out");
    setup.parameter(spacing_, "spacing_mm", "of the volume's voxels").between(0.01, 100).at_start();
    setup.parameter(bounds_, "bounds_mm", "[x0, x1, y0, y1, z0, z1] in LPS; empty: what the first frames cover")
        .fixed();
    setup.parameter(collect_, "collect", "frames that say what is covered").between(1, 10'000).fixed();
    setup.parameter(compounding_, "compounding", "what becomes of voxels that several pixels hit")
        .one_of({"latest", "maximum", "mean"})
        .at_start();
    setup.parameter(linear_, "interpolate", "pixels go to the voxels around them, not only to the nearest").at_start();
    setup.parameter(holes_, "fill_holes", "voxels that no pixel hit get the values around them");
    setup.parameter(every_, "every", "frames between two volumes; 0: only on command \"snapshot\"")
        .between(0, 1'000'000);
    setup.parameter(device_, "device", "name of the volume").at_start();
    setup.command("snapshot", "sends the volume with the next frame", [this](const Json&) { return ask_for_volume(); });
    setup.command("reset", "empties the volume", [this](const Json&) {
      if (reconstruction_) reconstruction_->clear();
      return Json::object();
    });
  }
  void start() override {
    reconstruction_.reset(), collected_.clear(), snapshots_ = 0, wanted_ = false;
    if (!bounds_->empty()) begin(grid_of_bounds());
  }
  void stop() override { reconstruction_.reset(), collected_.clear(); }
  void compute() override {
    Incoming<Frame> frame = in_.take();
    if (frame->components != 1)
      throw Error(ErrorCode::bad_input, "volumes are made of grey frames, this one is coloured");
    check_picture(*frame);
    if (reconstruction_) {
      paste(*frame);
    } else {
      collected_.push_back(frame.value);
      if (static_cast<std::int64_t>(collected_.size()) >= *collect_) begin(grid_of_collected());
    }
    const bool due = *every_ > 0 && reconstruction_ && reconstruction_->frames() % *every_ == 0;
    if (due || wanted_) send(std::move(frame.envelope));
  }
  Json counters() const override {
    Json all{{"collected", collected_.size()}, {"volumes", snapshots_}};
    if (reconstruction_) {
      all["frames"] = reconstruction_->frames();
      all["size"] = reconstruction_->geometry().size;
    }
    return all;
  }

  Json ask_for_volume() {
    wanted_ = true;
    return {{"frames", reconstruction_ ? reconstruction_->frames() : 0}};
  }
  Geometry grid_of_bounds() const {
    const std::vector<double>& b = *bounds_;
    Geometry grid;
    const bool sound = b.size() == 6 && b[0] < b[1] && b[2] < b[3] && b[4] < b[5];
    if (!sound) throw Error(ErrorCode::bad_input, "\"bounds_mm\" is not [x0, x1, y0, y1, z0, z1], each pair ascending");
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const double voxels = (b[2 * axis + 1] - b[2 * axis]) / *spacing_;
      if (voxels > 1e5) throw Error(ErrorCode::too_large, fmt::format("a volume of {} voxels along an axis", voxels));
      grid.size[axis] = static_cast<std::int64_t>(voxels) + 1;
      grid.spacing_mm[axis] = *spacing_;
      grid.origin_mm[axis] = b[2 * axis];
    }
    return grid;
  }
  Geometry grid_of_collected() const {
    std::vector<Affine> poses;
    for (const auto& frame : collected_) poses.push_back(pixels_to_world(frame->geometry));
    const Frame& first = *collected_.front();
    return bounds_of(poses, first.width(), first.height(), {}, {*spacing_, *spacing_, *spacing_});
  }
  void begin(const Geometry& grid) {
    ReconstructionOptions options;
    options.compounding = *compounding_ == "latest"    ? Compounding::latest
                          : *compounding_ == "maximum" ? Compounding::maximum
                                                       : Compounding::mean;
    options.linear = *linear_;
    reconstruction_.emplace(grid, std::move(options));
    for (const auto& frame : std::exchange(collected_, {})) paste(*frame);
  }
  void paste(const Frame& frame) {
    const Affine place = pixels_to_world(frame.geometry);
    type_ = frame.type == ScalarType::u8 ? ScalarType::u8 : ScalarType::f32;
    if (frame.type == ScalarType::u8) return reconstruction_->add(view_of<std::uint8_t>(frame), place);
    reconstruction_->add(view_of<float>(convert(frame, {.type = ScalarType::f32}, context().frames())), place);
  }
  void send(Envelope envelope) {
    if (!reconstruction_) return;
    wanted_ = false;
    std::optional<HoleFilling> holes;
    if (*holes_) holes.emplace();
    envelope.device = *device_;
    envelope.sequence = ++snapshots_;
    out_.send(frame_of(reconstruction_->snapshot(type_, holes, pool_)), std::move(envelope));
  }

  Input<Frame> in_;
  Output<Frame> out_;
  Parameter<double> spacing_{0.5};
  Parameter<std::vector<double>> bounds_;
  Parameter<std::int64_t> collect_{100}, every_{100};
  Parameter<std::string> compounding_{"mean"}, device_{"Volume"};
  Parameter<bool> linear_{true}, holes_{false};
  ThreadPool pool_{1};
  std::optional<Reconstruction> reconstruction_;
  std::vector<std::shared_ptr<const Frame>> collected_;
  ScalarType type_ = ScalarType::u8;
  std::uint64_t snapshots_ = 0;
  bool wanted_ = false;
};

class ScanConvert final : public Operator {
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(out_, "out");
    setup.parameter(to_, "to", "linear: lines of sound become columns; curvilinear: they become a fan")
        .one_of({"linear", "curvilinear"})
        .at_start();
    setup.parameter(interpolate_, "interpolate", "else from the nearest pixel, as labels need it").at_start();
    setup.parameter(image_size_, "curvilinear_image_size", "[width, height], pixels").fixed();
    setup.parameter(centre_, "center_coordinate_pixel", "[row, column] of the circles").fixed();
    setup.parameter(angle_min_, "angle_min_degrees", "of the first line; 0 is down").between(-180, 180).at_start();
    setup.parameter(angle_max_, "angle_max_degrees", "of the last").between(-180, 180).at_start();
    setup.parameter(radius_start_, "radius_start_pixel", "where lines begin").between(0, 100'000).at_start();
    setup.parameter(radius_end_, "radius_end_pixel", "where they end").between(0, 100'000).at_start();
    setup.parameter(lines_, "num_lines", "columns of the linear image").between(2, 16384).at_start();
    setup.parameter(samples_, "num_samples_along_lines", "its rows").between(2, 16384).at_start();
  }
  void start() override {
    if (image_size_->size() != 2 || centre_->size() != 2) {
      throw Error(ErrorCode::bad_input, "curvilinear_image_size and center_coordinate_pixel are two numbers each");
    }
    const ScanGeometry fan{(*image_size_)[0], (*image_size_)[1], (*centre_)[0], (*centre_)[1], *angle_min_,
                           *angle_max_,       *radius_start_,    *radius_end_,  *samples_,     *lines_};
    converter_.emplace(fan, *interpolate_);
  }
  void compute() override {
    Incoming<Frame> frame = in_.take();
    check_picture(*frame);
    Frame out = frame_with(*frame, {}, frame->components, frame->type);
    const bool linear = *to_ == "linear";
    out.geometry = {.size = {linear ? *lines_ : (*image_size_)[0], linear ? *samples_ : (*image_size_)[1], 1}};
    FreshBytes fresh = context().frames().take(out.bytes_needed());
    if (frame->type == ScalarType::u8) {
      run<std::uint8_t>(*frame, out, fresh);
    } else if (frame->type == ScalarType::f32) {
      run<float>(*frame, out, fresh);
    } else {
      throw Error(ErrorCode::unsupported, fmt::format("frames of {}, expected uint8 or float32", name_of(frame->type)));
    }
    out.pixels = std::move(fresh).share();
    out_.send(std::move(out), std::move(frame.envelope));
  }
  template <class T>
  void run(const Frame& frame, const Frame& out, FreshBytes& fresh) const {
    const ImageView<T> to{fresh.as<T>().data(), out.width(), out.height(), out.components};
    if (*to_ == "linear") return converter_->to_linear(view_of<T>(frame), to);
    converter_->to_curvilinear(view_of<T>(frame), to);
  }

  Input<Frame> in_;
  Output<Frame> out_;
  Parameter<std::string> to_{"linear"};
  Parameter<bool> interpolate_{true};
  Parameter<std::vector<std::int64_t>> image_size_;
  Parameter<std::vector<double>> centre_;
  Parameter<double> angle_min_{-30}, angle_max_{30}, radius_start_{0}, radius_end_{100};
  Parameter<std::int64_t> lines_{128}, samples_{128};
  std::optional<ScanConverter> converter_;
};

}  // namespace

void add_volume_operators(OperatorRegistry& registry) {
  registry.add<Reconstruct>("reconstruct", "Makes a volume of frames with a place.");
  registry.add<ScanConvert>("scan_convert", "Takes fan-shaped images to linear ones and back.");
}

}  // namespace sagittal::stream
