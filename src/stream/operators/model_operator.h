#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "stream/operator.h"
#include "stream/operators/labels.h"
#include "stream/values.h"

namespace sagittal::stream {

/// A network that makes a tensor of a frame. One thread.
class FrameModel {
 public:
  virtual ~FrameModel() = default;
  /// The tensor's geometry is the frame's.
  virtual Tensor run(const Frame& frame, FramePool& pool) = 0;
  /// Whether its tensors have the channels before height and width.
  virtual bool channels_first() const = 0;
  /// For people.
  virtual Json describe() const = 0;
};

/// What operators with a network have in common: one model or a folder of several, which are changed while it runs; one
/// of k frames; the network switched off; a channel as picture.
class ModelOperator : public Operator {
 public:
  void setup(Setup& setup) override;
  void start() override;
  void stop() override;
  void compute() override;
  Json counters() const override;

 protected:
  /// "a folder with network.json", "a file .onnx".
  virtual void declare(Setup& setup) = 0;
  virtual bool is_model(const std::filesystem::path& path) const = 0;
  virtual std::unique_ptr<FrameModel> open(const std::filesystem::path& path) const = 0;

 private:
  void find_models();
  FrameModel& chosen();
  void send(const Frame& frame, const Envelope& envelope);

  Input<Frame> in_;
  Output<Tensor> out_;
  Output<Frame> image_;
  Parameter<std::string> model_, use_;
  Parameter<std::int64_t> every_{1}, channel_{-1};
  Parameter<bool> active_{true}, hold_{false};
  Parameter<std::string> image_type_{"uint8"};

  std::map<std::string, std::filesystem::path> known_;         // by name
  std::map<std::string, std::unique_ptr<FrameModel>> opened_;  // those that were used
  std::uint64_t frames_ = 0, runs_ = 0;
  std::string last_model_;
  std::shared_ptr<const Tensor> last_;
  Resampler resampler_;
  std::vector<float> scratch_;
};

}  // namespace sagittal::stream
