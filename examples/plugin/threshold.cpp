// An operator of your own: pixels above a level become white, others black.
#include "stream/frame.h"
#include "stream/registry.h"

namespace {

using namespace sagittal::stream;

class Threshold final : public Operator {
 public:
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(out_, "out");
    setup.parameter(level_, "level", "the darkest grey that becomes white").between(0, 255);
  }

  void compute() override {
    Incoming<Frame> frame = in_.take();
    if (frame->type != sagittal::ScalarType::u8) {
      throw sagittal::Error(sagittal::ErrorCode::bad_input, "the frame is not of uint8");
    }
    FreshBytes fresh = context().frames().take(frame->pixels.size());
    std::uint8_t* to = fresh.span().data();
    for (const std::uint8_t value : frame->pixels.view()) *to++ = value >= *level_ ? 255 : 0;
    out_.send(frame_with(*frame, std::move(fresh).share(), frame->components, frame->type), std::move(frame.envelope));
  }

 private:
  Input<Frame> in_;
  Output<Frame> out_;
  Parameter<std::int64_t> level_{128};
};

}  // namespace

SAGITTAL_PLUGIN(registry) { registry.add<Threshold>("black_white", "Makes frames black and white."); }
