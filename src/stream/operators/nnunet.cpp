#include <fmt/format.h>

#include "base/machine.h"
#include "base/text.h"
#include "segment/model.h"
#include "segment/predict.h"
#include "stream/operators/labels.h"
#include "stream/operators/operators.h"
#include "stream/operators/volume_frames.h"

namespace sagittal::stream {
namespace {

/// Labels of pictures and volumes by a trained nnU-Net, as `sagittal predict` makes them.
class NnUnet final : public Operator {
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(out_, "out");
    setup.parameter(model_, "model", "a trained configuration of nnU-Net: a folder with its plans and folds").path();
    setup.parameter(configuration_, "configuration", "where the folder holds several: 2d, 3d_fullres").fixed();
    setup.parameter(folds_, "folds", "that answer together; empty: all").fixed();
    setup.parameter(precision_, "precision", "of the numbers; auto: bf16 where the processor has AMX, else fp32")
        .one_of({"auto", "fp32", "bf16"})
        .at_start();
    setup.parameter(threads_, "threads", "0: all cores").between(0, 256).fixed();
    setup.parameter(mirror_, "mirror", "the mean over mirrored images: more exact, up to 8 times as slow");
    setup.parameter(step_, "step", "from tile to tile, in tiles").between(0.1, 1);
    setup.parameter(device_, "device", "name of the labels; empty: as it comes");
  }
  void start() override {
    segment::LoadOptions options;
    options.configuration = *configuration_;
    options.folds = *folds_;
    options.threads = static_cast<int>(*threads_);
    options.precision = *precision_ == "fp32"   ? nn::cpu::Precision::fp32
                        : *precision_ == "bf16" ? nn::cpu::Precision::bf16
                                                : nn::cpu::Precision::automatic;
    model_of_run_ = segment::load_model(*model_, options);
    pool_ = std::make_unique<ThreadPool>(*threads_ > 0 ? static_cast<int>(*threads_) : available_cores());
    const nn::Dataset& dataset = model_of_run_->folder.dataset;
    names_.clear();
    for (const int label : dataset.foreground()) names_[label] = dataset.name_of(label);
    memory_limit_ = inspect_machine().memory_limit_bytes;
    images_ = 0;
  }
  void stop() override {
    model_of_run_.reset();
    pool_.reset();
  }
  void compute() override {
    Incoming<Frame> frame = in_.take();
    const segment::Model& model = *model_of_run_;
    check(*frame, model);
    segment::PredictOptions options;
    options.mirror = *mirror_;
    options.step = *step_;
    options.control.cancel = context().ending();
    out_.send(frame_of(segment::predict(model, volumes_of(*frame), options, *pool_)),
              labelled(std::move(frame.envelope)));
    ++images_;
  }
  Json counters() const override {
    if (!model_of_run_) return {{"images", images_}};
    return {{"images", images_}, {"model", model_of_run_->folder.name}, {"runs_on", model_of_run_->description()}};
  }

  void check(const Frame& frame, const segment::Model& model) const {
    const auto channels = static_cast<int>(model.plan.channels.size());
    if (frame.components != channels) {
      throw Error(ErrorCode::bad_input, fmt::format("\"{}\" takes images of {} components, this one has {}",
                                                    model.folder.name, channels, frame.components));
    }
    const std::uint64_t needed = segment::memory_needed(model, frame.geometry);
    if (memory_limit_ > 0 && needed > memory_limit_) {
      throw Error(ErrorCode::too_large,
                  fmt::format("an image of {} needs about {}, this machine gives {}",
                              describe_shape(frame.geometry.size), size_text(needed), size_text(memory_limit_)));
    }
  }
  /// What each number is called goes along.
  Envelope labelled(Envelope envelope) const {
    if (!device_->empty()) envelope.device = *device_;
    set_label_names(envelope, names_);
    return envelope;
  }

  Input<Frame> in_;
  Output<Frame> out_;
  Parameter<std::string> model_, configuration_, device_, precision_{"auto"};
  Parameter<std::vector<std::string>> folds_;
  Parameter<std::int64_t> threads_{0};
  Parameter<bool> mirror_{false};
  Parameter<double> step_{0.5};
  std::shared_ptr<const segment::Model> model_of_run_;
  std::unique_ptr<ThreadPool> pool_;
  std::map<std::int64_t, std::string> names_;
  std::uint64_t images_ = 0, memory_limit_ = 0;
};

}  // namespace

void add_nnunet(OperatorRegistry& registry) {
  registry.add<NnUnet>("nnunet", "Labels pictures and volumes with a trained nnU-Net, in all its classes.");
}

}  // namespace sagittal::stream
