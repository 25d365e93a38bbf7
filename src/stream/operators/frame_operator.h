#pragma once
#include <utility>

#include <fmt/format.h>

#include "stream/frame.h"
#include "stream/operator.h"

namespace sagittal::stream {

/// Error(bad_input) for volumes.
inline void check_picture(const Frame& frame) {
  if (frame.geometry.size[2] == 1) return;
  throw Error(ErrorCode::bad_input,
              fmt::format("a volume of {}, expected a picture", describe_shape(frame.geometry.size)));
}

/// An operator that makes one frame of each: "in" -> "out". The envelope goes on unchanged.
class FrameOperator : public Operator {
 public:
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(out_, "out");
    declare(setup);
  }
  void compute() override {
    Incoming<Frame> incoming = in_.take();
    out_.send(apply(*incoming), std::move(incoming.envelope));
  }

 protected:
  /// Declares its parameters.
  virtual void declare(Setup& setup) = 0;
  virtual Frame apply(const Frame& frame) = 0;

 private:
  Input<Frame> in_;
  Output<Frame> out_;
};

}  // namespace sagittal::stream
