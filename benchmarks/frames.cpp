// frames MODEL.h5 RECORDING.igs.mha [REPEATS]: how long a frame takes through a small network, with resizing and mask.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"
#include "io/sequence.h"
#include "nn/cpu/graph_network.h"
#include "nn/keras/convert.h"
#include "segment/image_segmenter.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMaxFile = std::size_t{1} << 30;

void measure(const char* model_file, const char* recording, int repeats) {
  const auto model =
      sagittal::nn::read_keras(sagittal::read_file(model_file, kMaxFile), {"model", {true, true}, {}}, model_file);
  const auto network = sagittal::nn::cpu::make_graph_network(model);
  sagittal::io::SequenceReader reader(recording);
  const auto width = reader.header().width, height = reader.header().height;
  sagittal::ImageSegmenter segmenter(network, width, height);
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(width * height));
  std::vector<double> milliseconds;
  sagittal::io::SequenceFrame frame;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    reader.rewind();
    while (reader.next(frame)) {
      const auto start = Clock::now();
      segmenter.run({frame.pixels.as<std::uint8_t>().data(), width, height, 1});
      segmenter.mask(segmenter.classes() - 1, 0.5F, {mask.data(), width, height, 1});
      milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  const std::size_t count = milliseconds.size();
  fmt::print("{} frames of {} x {}: p50 {:.2f} ms, p99 {:.2f} ms, max {:.2f} ms ({})\n", count, width, height,
             milliseconds[count / 2], milliseconds[count * 99 / 100], milliseconds.back(), network->description());
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const int repeats = count == 4 ? std::atoi(arguments[3]) : 40;
    if (count < 3 || count > 4 || repeats < 1) {
      fmt::print(stderr, "frames MODEL.h5 RECORDING.igs.mha [REPEATS]\n");
      return 2;
    }
    measure(arguments[1], arguments[2], repeats);
    return 0;
  } catch (const sagittal::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
