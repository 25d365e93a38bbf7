#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "net/sha256.h"
#include "nn/onnx/onnx_file.h"
#include "stream/operators/model_operator.h"
#include "stream/operators/onnx_engine.h"
#include "stream/operators/operators.h"
#include "stream/operators/scalar.h"

namespace sagittal::stream {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{512} << 20;
constexpr std::int64_t kMaxSide = 16384, kMaxChannels = 64, kMaxInput = std::int64_t{1} << 28;

/// How frames become what the network takes.
struct OnnxOptions {
  std::string output;
  bool channels_last = false, bgr = false;
  std::int64_t width = 0, height = 0;
  Filter filter = Filter::bilinear;
  double scale = 1;
  std::vector<double> mean, deviation;
  std::string activation;
  std::vector<std::string> sha256;
  int threads = 0;
};

void apply_sigmoid(std::span<float> values) {
  for (float& value : values) value = 1 / (1 + std::exp(-value));
}

/// Of the last axis.
void apply_softmax(std::span<float> values, std::size_t channels) {
  for (std::size_t at = 0; at + channels <= values.size(); at += channels) {
    const std::span<float> pixel = values.subspan(at, channels);
    const float highest = *std::max_element(pixel.begin(), pixel.end());
    float sum = 0;
    for (float& value : pixel) sum += value = std::exp(value - highest);
    for (float& value : pixel) value /= sum;
  }
}

class OnnxModel final : public FrameModel {
 public:
  OnnxModel(const std::filesystem::path& path, OnnxOptions options)
      : options_(std::move(options)), name_(path.filename().string()) {
    const Bytes bytes = read_file(path, kMaxFileBytes);
    if (!options_.sha256.empty()) check_digest(bytes);
    file_ = nn::read_onnx(bytes, path.string());
    if (file_.inputs.size() != 1) {
      throw Error(ErrorCode::unsupported, fmt::format("{} has {} inputs, expected 1", name_, file_.inputs.size()));
    }
    if (!file_.inputs[0].is_float32 || file_.inputs[0].shape.size() != 4) {
      throw Error(ErrorCode::unsupported, fmt::format("{} takes {}{}, expected one picture of float32: 1 x channels x "
                                                      "height x width, or channels last",
                                                      name_,
                                                      file_.inputs[0].is_float32 ? ""
                                                                                 : "other numbers than "
                                                                                   "float32, ",
                                                      fmt::join(file_.inputs[0].shape, " x ")));
    }
    engine_ = load_onnx_engine()({bytes, find_output(), options_.threads});
  }

  Tensor run(const Frame& frame, FramePool& pool) override {
    const Shape shape = shape_for(frame);
    fill_input(frame, shape);
    const std::array<std::int64_t, 4> sizes =
        options_.channels_last ? std::array<std::int64_t, 4>{1, shape.height, shape.width, shape.channels}
                               : std::array<std::int64_t, 4>{1, shape.channels, shape.height, shape.width};
    const OnnxEngine::Output output = engine_->run(input_, sizes);
    FreshBytes fresh = pool.take(output.values.size_bytes());
    const std::span<float> to = fresh.as<float>();
    Tensor tensor{file_.outputs[output_].name, output.shape, {}, frame.geometry};
    if (is_map(output)) {
      to_channels_last(output, to);
      tensor.shape = {output.shape[2], output.shape[3], output.shape[1]};
    } else {
      std::copy(output.values.begin(), output.values.end(), to.begin());
    }
    if (options_.activation == "sigmoid") apply_sigmoid(to);
    if (options_.activation == "softmax" && !to.empty()) {
      apply_softmax(to, static_cast<std::size_t>(tensor.shape.back()));
    }
    tensor.values = std::move(fresh).share();
    return tensor;
  }
  bool channels_first() const override { return false; }
  Json describe() const override {
    return {{"name", file_.name.empty() ? name_ : file_.name},
            {"made_by", file_.producer},
            {"output", file_.outputs[output_].name},
            {"input", file_.inputs[0].shape},
            {"weights", file_.weights},
            {"metadata", file_.metadata}};
  }

 private:
  struct Shape {
    std::int64_t channels, height, width;
  };

  void check_digest(const Bytes& bytes) const {
    const std::string found = net::sha256_hex(bytes);
    if (std::find(options_.sha256.begin(), options_.sha256.end(), found) != options_.sha256.end()) return;
    throw Error(ErrorCode::bad_input,
                fmt::format("{} has the SHA-256 {}, expected {}", name_, found, fmt::join(options_.sha256, " or ")));
  }
  std::string find_output() {
    for (; output_ < file_.outputs.size(); ++output_) {
      if (options_.output.empty() || options_.output == file_.outputs[output_].name) return file_.outputs[output_].name;
    }
    std::vector<std::string> names;
    for (const nn::OnnxValue& output : file_.outputs) names.push_back(output.name);
    throw Error(ErrorCode::not_found,
                fmt::format("{} has no output \"{}\", only {}", name_, options_.output, fmt::join(names, ", ")));
  }

  /// What the file leaves open is as the parameters say, then as the frame is.
  Shape shape_for(const Frame& frame) const {
    const std::vector<std::int64_t>& said = file_.inputs[0].shape;
    const std::size_t first = options_.channels_last ? 1 : 2, c = options_.channels_last ? 3 : 1;
    const auto side = [](std::int64_t in_file, std::int64_t asked, std::int64_t of_frame) {
      return in_file > 0 ? in_file : asked > 0 ? asked : of_frame;
    };
    const Shape shape{said[c] > 0 ? said[c] : frame.components, side(said[first], options_.height, frame.height()),
                      side(said[first + 1], options_.width, frame.width())};
    if (said[0] > 1 || shape.channels > kMaxChannels || shape.height > kMaxSide || shape.width > kMaxSide) {
      throw Error(ErrorCode::unsupported,
                  fmt::format("{} takes {}, expected one picture of at most {} channels and {} pixels a side: is "
                              "data_format right?",
                              name_, fmt::join(said, " x "), kMaxChannels, kMaxSide));
    }
    if (shape.channels * shape.height * shape.width > kMaxInput) {
      throw Error(ErrorCode::too_large, fmt::format("{} takes {} x {} x {} numbers, at most {} are given", name_,
                                                    shape.channels, shape.height, shape.width, kMaxInput));
    }
    if (frame.components != shape.channels) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("{} takes {} components, the frame has {}: put a \"channels\" operator before it", name_,
                              shape.channels, frame.components));
    }
    return shape;
  }

  static double of_channel(const std::vector<double>& values, std::size_t channel, double otherwise) {
    if (values.empty()) return otherwise;
    return values[std::min(channel, values.size() - 1)];
  }

  /// (value * scale - mean) / std of each channel, in the network's order.
  void fill_input(const Frame& frame, const Shape& shape) {
    const auto channels = static_cast<std::size_t>(shape.channels), width = static_cast<std::size_t>(shape.width);
    const std::size_t plane = width * static_cast<std::size_t>(shape.height);
    input_.resize(plane * channels);
    std::vector<float> scales(channels), shifts(channels);
    for (std::size_t c = 0; c < channels; ++c) {
      const double deviation = of_channel(options_.deviation, c, 1);
      scales[c] = static_cast<float>(options_.scale / deviation);
      shifts[c] = static_cast<float>(-of_channel(options_.mean, c, 0) / deviation);
    }
    resampler_.prepare(frame.width(), frame.height(), shape.width, shape.height, options_.filter);
    const auto put_row = [&](std::size_t row, std::span<const float> values) {
      for (std::size_t c = 0; c < channels; ++c) {
        const std::size_t source = options_.bgr && c < 3 && channels >= 3 ? 2 - c : c;
        const std::size_t step = options_.channels_last ? channels : 1;
        float* to = input_.data() + (options_.channels_last ? row * width * channels + c : c * plane + row * width);
        for (std::size_t i = 0; i < width; ++i) to[i * step] = values[i * channels + source] * scales[c] + shifts[c];
      }
    };
    visit_scalar(frame.type, [&]<class T>(T) { resampler_.rows(frame.as<T>().data(), frame.components, put_row); });
  }

  bool is_map(const OnnxEngine::Output& output) const {
    return !options_.channels_last && output.shape.size() == 4 && output.shape[0] == 1;
  }
  static void to_channels_last(const OnnxEngine::Output& output, std::span<float> to) {
    const auto channels = static_cast<std::size_t>(output.shape[1]);
    const std::size_t plane = to.size() / std::max<std::size_t>(channels, 1);
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t p = 0; p < plane; ++p) to[p * channels + c] = output.values[c * plane + p];
    }
  }

  const OnnxOptions options_;
  const std::string name_;
  nn::OnnxFile file_;
  std::size_t output_ = 0;
  std::unique_ptr<OnnxEngine> engine_;
  std::vector<float> input_;
  Resampler resampler_;
};

class Onnx final : public ModelOperator {
  void declare(Setup& setup) override {
    setup.parameter(output_, "output", "of the network; empty: the first").fixed();
    setup.parameter(layout_, "data_format", "of what the network takes").one_of({"nchw", "nhwc"}).fixed();
    setup.parameter(order_, "channel_order", "of what the network takes; frames are RGB")
        .one_of({"rgb", "bgr"})
        .fixed();
    setup.parameter(width_, "width", "that the network takes, where the file does not say; 0: the frame's")
        .between(0, kMaxSide)
        .fixed();
    setup.parameter(height_, "height", "likewise").between(0, kMaxSide).fixed();
    setup.parameter(filter_, "filter", "how frames are brought to that size")
        .one_of({"nearest", "bilinear", "area"})
        .fixed();
    setup.parameter(scale_, "scale", "what values are multiplied by, first").fixed();
    setup.parameter(mean_, "mean", "what is then taken away; one number, or one for each channel").fixed();
    setup.parameter(deviation_, "std", "what is then divided by, likewise").fixed();
    setup.parameter(activation_, "activation", "what is done to the answer; softmax: of its last axis, the classes")
        .one_of({"none", "sigmoid", "softmax"})
        .fixed();
    setup.parameter(sha256_, "sha256", "of the files that may be opened, in hexadecimal; empty: any").fixed();
    setup.parameter(threads_, "threads", "of all these networks together; 0: all cores").between(0, 256).fixed();
  }
  bool is_model(const std::filesystem::path& path) const override {
    std::error_code failure;
    return path.extension() == ".onnx" && std::filesystem::is_regular_file(path, failure);
  }
  std::unique_ptr<FrameModel> open(const std::filesystem::path& path) const override {
    const bool zero = std::find(deviation_->begin(), deviation_->end(), 0.0) != deviation_->end();
    if (zero) throw Error(ErrorCode::bad_input, "\"std\" holds a 0");
    OnnxOptions options;
    options.output = *output_;
    options.channels_last = *layout_ == "nhwc";
    options.bgr = *order_ == "bgr";
    options.width = *width_, options.height = *height_;
    options.filter = filter_from(*filter_);
    options.scale = *scale_;
    options.mean = *mean_, options.deviation = *deviation_;
    options.activation = *activation_;
    options.sha256 = *sha256_;
    options.threads = static_cast<int>(*threads_);
    return std::make_unique<OnnxModel>(path, std::move(options));
  }

  Parameter<std::string> output_, layout_{"nchw"}, order_{"rgb"}, filter_{"bilinear"}, activation_{"none"};
  Parameter<std::int64_t> width_{0}, height_{0}, threads_{0};
  Parameter<double> scale_{1.0 / 255};
  Parameter<std::vector<double>> mean_, deviation_;
  Parameter<std::vector<std::string>> sha256_;
};

}  // namespace

void add_onnx(OperatorRegistry& registry) { registry.add<Onnx>("onnx", "Runs a network (an .onnx file) on frames."); }

}  // namespace sagittal::stream
