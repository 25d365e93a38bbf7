#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <string>

#include <fmt/format.h>

#include "base/text.h"
#include "stream/operators/frame_operator.h"
#include "stream/operators/labels.h"
#include "stream/operators/operators.h"
#include "volume/components.h"
#include "volume/visit_scalar.h"

namespace sagittal::stream {
namespace {

/// The labels of a frame, in ascending order, without 0.
std::vector<std::uint8_t> labels_in(const Frame& frame) {
  std::array<bool, 256> there{};
  for (const std::uint8_t value : frame.pixels.view()) there[value] = true;
  std::vector<std::uint8_t> labels;
  for (std::size_t label = 1; label < there.size(); ++label) {
    if (there[label]) labels.push_back(static_cast<std::uint8_t>(label));
  }
  return labels;
}

Components components_of(const Frame& frame, std::uint8_t label) {
  const Index3& size = frame.geometry.size;
  return Components(frame.pixels.view(), {size[2], size[1], size[0]}, label, Connectivity::full);
}

class Segmentation final : public Operator {
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(out_, "out");
    setup
        .parameter(type_, "network_output_type",
                   "softmax: the largest channel wins; foreground: the largest beside channel 0, where it reaches the "
                   "threshold; sigmoid: the largest that reaches the threshold, the first is label 1")
        .one_of({"softmax", "foreground", "sigmoid"});
    setup.parameter(layout_, "data_format", "of the tensor").one_of({"hwc", "nhwc", "chw", "nchw"});
    setup.parameter(threshold_, "threshold", "for foreground and sigmoid").between(0, 1);
    setup.parameter(device_, "device", "name of the labels; empty: as they come");
  }
  void compute() override {
    Incoming<Tensor> tensor = in_.take();
    const bool first = *layout_ == "chw" || *layout_ == "nchw";
    const Labelling how = *type_ == "softmax"      ? Labelling::softmax
                          : *type_ == "foreground" ? Labelling::foreground
                                                   : Labelling::sigmoid;
    const ChannelsLast values = channels_last(*tensor, first, scratch_);
    Frame labels = label_frame(*tensor, values, how, static_cast<float>(*threshold_), resampler_, context().frames());
    if (!device_->empty()) tensor.envelope.device = *device_;
    out_.send(std::move(labels), std::move(tensor.envelope));
  }

  Input<Tensor> in_;
  Output<Frame> out_;
  Parameter<std::string> type_{"softmax"}, layout_{"hwc"}, device_;
  Parameter<double> threshold_{0.5};
  Resampler resampler_;
  std::vector<float> scratch_;
};

/// The simplest segmentation of all.
class Threshold final : public Operator {
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(out_, "out");
    setup.parameter(low_, "low", "the least value that belongs");
    setup.parameter(high_, "high", "the greatest");
    setup.parameter(label_, "label", "what they become; others 0").between(1, 255);
    setup.parameter(name_, "name", "what the label is called, as metadata; empty: none");
    setup.parameter(device_, "device", "name of the labels; empty: as it comes");
  }
  void compute() override {
    Incoming<Frame> frame = in_.take();
    if (frame->components != 1) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("a frame of {} components, expected grey: put a \"channels\" operator before it",
                              frame->components));
    }
    Frame labels = frame_with(*frame, {}, 1, ScalarType::u8);
    FreshBytes fresh = context().frames().take(labels.bytes_needed());
    const auto label = static_cast<std::uint8_t>(*label_);
    visit_scalar(frame->type, [&]<class T>(T) {
      std::uint8_t* to = fresh.span().data();
      for (const T value : frame->as<T>()) {
        const auto number = static_cast<double>(value);
        *to++ = number >= *low_ && number <= *high_ ? label : std::uint8_t{0};
      }
    });
    labels.pixels = std::move(fresh).share();
    if (!device_->empty()) frame.envelope.device = *device_;
    if (!name_->empty()) set_label_names(frame.envelope, {{*label_, *name_}});
    out_.send(std::move(labels), std::move(frame.envelope));
  }

  Input<Frame> in_;
  Output<Frame> out_;
  Parameter<double> low_{1}, high_{1e12};
  Parameter<std::int64_t> label_{1};
  Parameter<std::string> name_, device_;
};

class LargestComponent final : public FrameOperator {
  void declare(Setup& setup) override {
    setup.parameter(smallest_, "min_pixels", "a label whose largest part has fewer goes too").between(0, 1 << 30);
  }
  Frame apply(const Frame& frame) override {
    check_labels(frame);
    FreshBytes fresh = context().frames().take(frame.pixels.size());
    const auto to = fresh.span();
    std::fill(to.begin(), to.end(), std::uint8_t{0});
    for (const std::uint8_t label : labels_in(frame)) {
      const Components parts = components_of(frame, label);
      const auto largest = std::max_element(parts.sizes().begin(), parts.sizes().end());
      if (*largest < *smallest_) continue;
      const auto kept = static_cast<std::int32_t>(largest - parts.sizes().begin());
      for (const Components::Run& run : parts.runs()) {
        if (run.component != kept) continue;
        const std::int64_t row = run.row * frame.width();
        std::fill(to.begin() + row + run.begin, to.begin() + row + run.end, label);
      }
    }
    return frame_with(frame, std::move(fresh).share(), 1, ScalarType::u8);
  }

  Parameter<std::int64_t> smallest_{0};
};

class Contours final : public Operator {
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(out_, "out");
    setup.parameter(device_, "device", "name of the contours; empty: as they come");
  }
  void compute() override {
    Incoming<Frame> frame = in_.take();
    check_labels(*frame);
    Polylines all;
    for (const std::uint8_t label : labels_in(*frame)) {
      for (auto& line : contours(*frame, label)) all.lines.push_back(std::move(line));
    }
    if (!device_->empty()) frame.envelope.device = *device_;
    out_.send(std::move(all), std::move(frame.envelope));
  }

  Input<Frame> in_;
  Output<Polylines> out_;
  Parameter<std::string> device_;
};

class Detections final : public Operator {
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(points_, "points");
    setup.output(text_, "text");
    setup.parameter(names_, "labels", "names of label 1, 2, …");
    setup.parameter(smallest_, "min_pixels", "smaller parts do not count").between(1, 1 << 30);
    setup.parameter(device_, "device", "name of what goes; empty: as it comes");
  }
  void compute() override {
    Incoming<Frame> frame = in_.take();
    check_labels(*frame);
    Points points;
    Json list = Json::array();
    for (const std::uint8_t label : labels_in(*frame)) detect(*frame, label, points, list);
    if (!device_->empty()) frame.envelope.device = *device_;
    if (text_.connected()) text_.send(Text{list.dump()}, frame.envelope);
    points_.send(std::move(points), std::move(frame.envelope));
  }

  std::string name_of_label(std::uint8_t label) const {
    return label <= names_->size() ? (*names_)[label - 1U] : fmt::format("label {}", label);
  }
  void detect(const Frame& frame, std::uint8_t label, Points& points, Json& list) const {
    const Components parts = components_of(frame, label);
    std::vector<Vec3> sums(parts.sizes().size(), Vec3{0, 0, 0});
    for (const Components::Run& run : parts.runs()) {
      const auto pixels = static_cast<double>(run.end - run.begin);
      Vec3& sum = sums[static_cast<std::size_t>(run.component)];
      sum[0] += pixels * static_cast<double>(run.begin + run.end - 1) / 2;
      sum[1] += pixels * static_cast<double>(run.row % frame.height());
      sum[2] += pixels * static_cast<double>(run.row / frame.height());
    }
    const Vec3& mm = frame.geometry.spacing_mm;
    const bool flat = frame.geometry.size[2] == 1;
    const double unit = flat ? mm[0] * mm[1] : mm[0] * mm[1] * mm[2];
    for (std::size_t n = 0; n < sums.size(); ++n) {
      const std::int64_t size = parts.sizes()[n];
      if (size < *smallest_) continue;
      const auto pixels = static_cast<double>(size);
      const Vec3 centre =
          index_to_world(frame.geometry, {sums[n][0] / pixels, sums[n][1] / pixels, sums[n][2] / pixels});
      Point point{name_of_label(label), "detections", centre};
      const double pi = std::acos(-1.0);
      point.diameter_mm = flat ? 2 * std::sqrt(pixels * unit / pi) : 2 * std::cbrt(pixels * unit * 3 / (4 * pi));
      list.push_back({{"name", point.name}, {"label", label}, {"pixels", size}, {"centre_lps_mm", centre}});
      points.points.push_back(std::move(point));
    }
  }

  Input<Frame> in_;
  Output<Points> points_;
  Output<Text> text_;
  Parameter<std::vector<std::string>> names_;
  Parameter<std::int64_t> smallest_{1};
  Parameter<std::string> device_;
};

using Colour = std::array<std::uint8_t, 3>;

/// "#rrggbb". Error(bad_input).
Colour colour_from(std::string_view text) {
  const auto refuse = [&] {
    throw Error(ErrorCode::bad_input, fmt::format("the colour \"{}\" is not as #ff8000", text));
  };
  if (text.size() != 7 || text[0] != '#') refuse();
  Colour colour{};
  for (std::size_t c = 0; c < 3; ++c) {
    const char* begin = text.data() + 1 + 2 * c;
    const auto [end, failure] = std::from_chars(begin, begin + 2, colour[c], 16);
    if (failure != std::errc() || end != begin + 2) refuse();
  }
  return colour;
}

/// Labels over the frame they were made from: the one of the same device time and number.
class Overlay final : public Operator {
  void setup(Setup& setup) override {
    setup.input(frame_, "frame").queue({.capacity = 4});
    setup.input(labels_, "labels").queue({.capacity = 4});
    setup.any_of({&frame_, &labels_});
    setup.output(out_, "out");
    setup.parameter(opacity_, "opacity", "of the colours").between(0, 1);
    setup.parameter(colours_, "colours", "of label 1, 2, …, as #ff8000; then they begin again");
    setup.parameter(device_, "device", "name of the picture; empty: as the labels' is");
  }
  void start() override {
    frames_.clear(), waiting_.clear(), without_frame_ = 0;
    parameters_changed();
  }
  void parameters_changed() override {
    std::vector<Colour> read;
    for (const std::string& text : *colours_) read.push_back(colour_from(text));
    if (read.empty()) throw Error(ErrorCode::bad_input, "\"colours\" is empty");
    palette_ = std::move(read);
  }
  void compute() override {
    while (auto frame = frame_.try_take()) frames_.push_back(std::move(*frame));
    while (auto labels = labels_.try_take()) waiting_.push_back(std::move(*labels));
    std::erase_if(waiting_, [&](Incoming<Frame>& labels) { return draw(labels); });
    while (frames_.size() > kMostWaiting) frames_.pop_front();
    for (; waiting_.size() > kMostWaiting; waiting_.pop_front()) ++without_frame_;
  }
  Json counters() const override { return {{"labels_without_frame", without_frame_}}; }

  /// False where its frame has not come.
  bool draw(Incoming<Frame>& labels) {
    const auto found = std::find_if(frames_.begin(), frames_.end(), [&](const Incoming<Frame>& frame) {
      return frame.envelope.sequence == labels.envelope.sequence && frame.envelope.acquired == labels.envelope.acquired;
    });
    if (found == frames_.end()) return false;
    Frame picture = blend(**found, *labels);
    frames_.erase(frames_.begin(), found + 1);
    if (!device_->empty()) labels.envelope.device = *device_;
    out_.send(std::move(picture), std::move(labels.envelope));
    return true;
  }

  Frame blend(const Frame& frame, const Frame& labels) {
    check_labels(labels);
    const bool fits = labels.geometry.size == frame.geometry.size && frame.type == ScalarType::u8 &&
                      (frame.components == 1 || frame.components == 3);
    if (!fits) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("labels of {} do not lie over a frame of {} with {} x {}; expected the same size, and "
                              "grey or RGB of uint8",
                              describe_shape(labels.geometry.size), describe_shape(frame.geometry.size),
                              frame.components, name_of(frame.type)));
    }
    const std::size_t pixels = labels.pixels.size();
    FreshBytes fresh = context().frames().take(3 * pixels);
    const std::uint8_t* from = frame.pixels.view().data();
    std::uint8_t* to = fresh.span().data();
    const auto share = static_cast<unsigned>(std::lround(*opacity_ * 256));
    const std::size_t step = frame.components == 3 ? 3 : 1, green = frame.components == 3 ? 1 : 0;
    for (std::size_t p = 0; p < pixels; ++p, from += step, to += 3) {
      to[0] = from[0], to[1] = from[green], to[2] = from[2 * green];
      const std::uint8_t label = labels.pixels.view()[p];
      if (label == 0) continue;
      const Colour& colour = palette_[(label - 1U) % palette_.size()];
      for (std::size_t c = 0; c < 3; ++c) {
        to[c] = static_cast<std::uint8_t>((to[c] * (256 - share) + colour[c] * share + 128) >> 8);
      }
    }
    return frame_with(frame, std::move(fresh).share(), 3, ScalarType::u8);
  }

  static constexpr std::size_t kMostWaiting = 64;
  Input<Frame> frame_, labels_;
  Output<Frame> out_;
  Parameter<double> opacity_{0.5};
  Parameter<std::vector<std::string>> colours_{{"#ffd200", "#00c8ff", "#ff4060", "#40d060", "#b080ff", "#ff8000"}};
  Parameter<std::string> device_;
  std::vector<Colour> palette_;
  std::deque<Incoming<Frame>> frames_, waiting_;  // waiting_: labels
  std::uint64_t without_frame_ = 0;
};

}  // namespace

void add_label_operators(OperatorRegistry& registry) {
  registry.add<Segmentation>("segmentation", "Makes labels of a network's numbers, on the grid of its frame.");
  registry.add<Threshold>("threshold", "Labels the pixels whose value lies between two.");
  registry.add<LargestComponent>("largest_component", "Keeps the largest part of each label.");
  registry.add<Contours>("contours", "Makes outlines of labels.");
  registry.add<Detections>("detections", "Makes a point and a line of text of each part of each label.");
  registry.add<Overlay>("overlay", "Colours labels over the frame they were made from.");
}

}  // namespace sagittal::stream
