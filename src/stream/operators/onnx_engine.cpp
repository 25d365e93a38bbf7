#include "stream/operators/onnx_engine.h"

#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>

#include <algorithm>
#include <exception>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::stream {
namespace {

/// What OpenCV throws as an Error.
template <class Action>
auto guarded(std::string_view what, Action&& action) {
  try {
    return action();
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::too_large, fmt::format("{}: there is not enough memory", what));
  } catch (const cv::Exception& error) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: OpenCV says: {}", what, error.err.substr(0, 300)));
  } catch (const std::exception& error) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: {}", what, std::string(error.what()).substr(0, 300)));
  }
}

class OpenCvEngine final : public OnnxEngine {
 public:
  explicit OpenCvEngine(const OnnxEngineOptions& options) : output_(options.output) {
    guarded("the network cannot be read", [&] {
      if (options.threads > 0) cv::setNumThreads(options.threads);
      network_ = cv::dnn::readNetFromONNX(reinterpret_cast<const char*>(options.file.data()), options.file.size());
      if (network_.empty()) throw Error(ErrorCode::bad_input, "the network has no layers");
      network_.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
      network_.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
    });
  }

  Output run(std::span<const float> input, std::span<const std::int64_t> shape) override {
    return guarded("the network does not take this image", [&] {
      const cv::dnn::MatShape sizes(shape.begin(), shape.end());
      if (sizes != sizes_) check_memory(sizes);
      // OpenCV only reads it; its type has no const.
      const cv::Mat blob(sizes, CV_32F, const_cast<float*>(input.data()));
      network_.setInput(blob);
      result_ = network_.forward(output_);
      if (result_.type() != CV_32F || result_.empty()) {
        throw Error(ErrorCode::unsupported, fmt::format("output \"{}\" is not of float32", output_));
      }
      if (!result_.isContinuous()) result_ = result_.clone();
      Output output{{}, {result_.ptr<float>(), result_.total()}};
      for (int axis = 0; axis < result_.dims; ++axis) output.shape.push_back(result_.size[axis]);
      return output;
    });
  }

 private:
  void check_memory(const cv::dnn::MatShape& sizes) {
    std::size_t weights = 0, maps = 0;
    network_.getMemoryConsumption(sizes, weights, maps);
    if (weights > kMaxOnnxMemory || maps > kMaxOnnxMemory) {
      throw Error(ErrorCode::too_large,
                  fmt::format("its maps take {} MiB, at most {} are given", maps >> 20, kMaxOnnxMemory >> 20));
    }
    sizes_ = sizes;
  }

  cv::dnn::Net network_;
  const std::string output_;
  cv::dnn::MatShape sizes_;
  cv::Mat result_;
};

}  // namespace
}  // namespace sagittal::stream

extern "C" __attribute__((visibility("default"))) std::unique_ptr<sagittal::stream::OnnxEngine> sagittal_onnx_engine_1(
    const sagittal::stream::OnnxEngineOptions& options) {
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);  // what matters is thrown
  return std::make_unique<sagittal::stream::OpenCvEngine>(options);
}
