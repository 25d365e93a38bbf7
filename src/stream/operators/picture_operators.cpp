#include <map>
#include <string>

#include <fmt/format.h>

#include "stream/operators/convert.h"
#include "stream/operators/frame_operator.h"
#include "stream/operators/operators.h"
#include "stream/operators/picture.h"

namespace sagittal::stream {
namespace {

class Resize final : public FrameOperator {
  void declare(Setup& setup) override {
    setup.parameter(width_, "width", "pixels; 0: as the height says, or as it is").between(0, 65535);
    setup.parameter(height_, "height", "pixels; 0: as the width says, or as it is").between(0, 65535);
    setup.parameter(filter_, "filter", "how pixels are found; area averages those that become one")
        .one_of({"nearest", "bilinear", "area"});
  }
  Frame apply(const Frame& frame) override {
    std::int64_t width = *width_, height = *height_;
    const auto other = [](std::int64_t side, std::int64_t from, std::int64_t to) {
      return std::max<std::int64_t>(1, (side * to + from / 2) / from);
    };
    if (width == 0 && height == 0) return frame;
    if (width == 0) width = other(height, frame.height(), frame.width());
    if (height == 0) height = other(width, frame.width(), frame.height());
    return resize(frame, width, height, filter_from(*filter_), resampler_, context().frames());
  }

  Parameter<std::int64_t> width_{0}, height_{0};
  Parameter<std::string> filter_{"bilinear"};
  Resampler resampler_;
};

class Crop final : public FrameOperator {
  void declare(Setup& setup) override {
    setup.parameter(x_, "x", "first column").between(0, 65535);
    setup.parameter(y_, "y", "first row").between(0, 65535);
    setup.parameter(width_, "width", "columns; 0: all that follow").between(0, 65535);
    setup.parameter(height_, "height", "rows; 0: all that follow").between(0, 65535);
  }
  Frame apply(const Frame& frame) override {
    const std::int64_t width = *width_ == 0 ? frame.width() - *x_ : *width_;
    const std::int64_t height = *height_ == 0 ? frame.height() - *y_ : *height_;
    return crop(frame, *x_, *y_, width, height, context().frames());
  }

  Parameter<std::int64_t> x_{0}, y_{0}, width_{0}, height_{0};
};

class Flip final : public FrameOperator {
  void declare(Setup& setup) override {
    setup.parameter(horizontally_, "horizontally", "left becomes right");
    setup.parameter(vertically_, "vertically", "the first row becomes the last");
    setup.parameter(keep_place_, "keep_place",
                    "each pixel stays where it is in space, only the order in memory changes");
  }
  Frame apply(const Frame& frame) override {
    return flip(frame, *horizontally_, *vertically_, *keep_place_ ? Mirror::memory : Mirror::picture,
                context().frames());
  }

  Parameter<bool> horizontally_{false}, vertically_{true}, keep_place_{false};
};

/// Where red, green, blue and opacity are.
const std::map<std::string, std::vector<int>>& orders() {
  static const std::map<std::string, std::vector<int>> kOrders = {
      {"grey", {0, 0, 0, kOpaque}}, {"rgb", {0, 1, 2, kOpaque}}, {"bgr", {2, 1, 0, kOpaque}},
      {"rgba", {0, 1, 2, 3}},       {"bgra", {2, 1, 0, 3}},
  };
  return kOrders;
}

class Channels final : public FrameOperator {
  void declare(Setup& setup) override {
    setup.parameter(from_, "from", "what comes; empty: grey, rgb or rgba, by the number of components")
        .one_of({"", "grey", "rgb", "bgr", "rgba", "bgra"});
    setup.parameter(to_, "to", "what goes; empty: as out_channel_order says")
        .one_of({"", "grey", "rgb", "bgr", "rgba", "bgra"});
    setup.parameter(order_, "out_channel_order", "which component of what comes each of what goes is: [2, 1, 0]");
  }
  Frame apply(const Frame& frame) override {
    if (to_->empty()) return by_order(frame);
    const std::string from = from_->empty() ? guess(frame.components) : *from_;
    if (from == *to_) return frame;
    const std::vector<int>& at = orders().at(from);
    if (*to_ == "grey") return to_grey(frame, at[0], at[1], at[2], context().frames());
    const bool with_opacity = *to_ == "rgba" || *to_ == "bgra";
    const bool blue_first = *to_ == "bgr" || *to_ == "bgra";
    std::vector<int> order{at[blue_first ? 2 : 0], at[1], at[blue_first ? 0 : 2]};
    if (with_opacity) order.push_back(at[3]);
    return reorder(frame, order, context().frames());
  }

  Frame by_order(const Frame& frame) {
    if (order_->empty()) return frame;
    std::vector<int> order;
    for (const std::int64_t component : *order_) {
      order.push_back(component >= 0 && component < kMaxComponents ? static_cast<int>(component) : kMaxComponents);
    }
    return reorder(frame, order, context().frames());
  }
  static std::string guess(int components) {
    if (components == 1) return "grey";
    if (components == 3) return "rgb";
    if (components == 4) return "rgba";
    throw Error(
        ErrorCode::bad_input,
        fmt::format("a frame with {} components is neither grey nor coloured; use out_channel_order", components));
  }

  Parameter<std::string> from_, to_;
  Parameter<std::vector<std::int64_t>> order_;
};

class Normalise final : public FrameOperator {
  void declare(Setup& setup) override {
    setup.parameter(type_, "out_dtype", "of the values that go; empty: as they come")
        .one_of({"", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"});
    setup.parameter(from_, "from", "[lowest, highest] that come, others are clipped; empty: what their type holds");
    setup.parameter(scale_min_, "scale_min", "what the lowest becomes");
    setup.parameter(scale_max_, "scale_max", "what the highest becomes; equal to scale_min: values stay");
    setup.parameter(divide_, "divide_by_maximum", "of each frame, first; then from is [0, 1] where it is not said");
  }
  Frame apply(const Frame& frame) override {
    Conversion conversion;
    conversion.type = type_->empty() ? frame.type : *scalar_type_from_name(*type_);
    conversion.divide_by_maximum = *divide_;
    if (*scale_min_ != *scale_max_) {
      conversion.from = *divide_ ? Conversion::Range{0, 1} : range_of(frame.type);
      if (!from_->empty()) conversion.from = range();
      conversion.to = Conversion::Range{*scale_min_, *scale_max_};
    }
    return convert(frame, conversion, context().frames());
  }
  Conversion::Range range() const {
    if (from_->size() == 2) return {(*from_)[0], (*from_)[1]};
    throw Error(ErrorCode::bad_input, fmt::format("\"from\" has {} numbers, expected 2", from_->size()));
  }

  Parameter<std::string> type_{"float32"};
  Parameter<std::vector<double>> from_;
  Parameter<double> scale_min_{0}, scale_max_{0};
  Parameter<bool> divide_{false};
};

}  // namespace

void add_picture_operators(OperatorRegistry& registry) {
  registry.add<Resize>("resize", "Brings frames to a size; they stay where they are in space.");
  registry.add<Crop>("crop", "Cuts a rectangle out of frames; it stays where it is in space.");
  registry.add<Flip>("flip", "Mirrors frames.");
  registry.add<Channels>("channels", "Makes grey of colours, colours of grey, and changes the order of components.");
  registry.add<Normalise>("normalise", "Scales values and changes their type.");
}

}  // namespace sagittal::stream
