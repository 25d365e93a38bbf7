#include "segment/image_segmenter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "base/bytes.h"
#include "expect_error.h"
#include "io/sequence.h"
#include "nn/cpu/graph_network.h"
#include "nn/keras/convert.h"

namespace sagittal {
namespace {

using Pixels = std::vector<std::uint8_t>;

/// A network of 2 x 2 pixels whose second class is its input, and the first what is missing to 1.
std::shared_ptr<const nn::GraphNetwork> echo(bool divide, bool flip) {
  nn::GraphModel model;
  model.graph =
      nn::parse_graph(R"({"format":"sagittal-graph","version":1,"name":"echo","inputs":[{"name":"x","shape":[2,2,1]}],
      "nodes":[{"name":"c","op":"conv2d","inputs":["x"],"filters":2,"kernel":[1,1],"stride":[1,1],"dilation":[1,1],
      "padding":[0,0,0,0],"bias":true}],"outputs":["c"]})",
                      "test");
  model.graph.preprocessing = {divide, flip};
  model.weights.add("c.weight", {1, 1, 1, 2}, {-1, 1});
  model.weights.add("c.bias", {2}, {1, 0});
  return nn::cpu::make_graph_network(model, 1);
}

TEST(ImageSegmenter, AnswersLieWhereTheImageIs) {
  const Pixels frame{40, 40, 0, 0, 40, 40, 0, 0, 10, 10, 30, 30, 10, 10, 30, 50};
  for (const bool flip : {false, true}) {
    ImageSegmenter segmenter(echo(true, flip), 4, 4);
    EXPECT_EQ(segmenter.classes(), 2);
    segmenter.run({frame.data(), 4, 4, 1});
    std::vector<float> out(16);
    segmenter.probability(1, {out.data(), 4, 4, 1});
    // means of the quarters, divided by the image's maximum 50
    EXPECT_FLOAT_EQ(out[0], 0.8F);
    EXPECT_FLOAT_EQ(out[3], 0);
    EXPECT_FLOAT_EQ(out[12], 0.2F);
    EXPECT_FLOAT_EQ(out[15], 0.7F);
    EXPECT_FLOAT_EQ(out[1], 0.75F * 0.8F) << "bilinear between";
    Pixels mask(16);
    segmenter.mask(1, 0.65F, {mask.data(), 4, 4, 1});
    EXPECT_EQ(mask, (Pixels{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
    segmenter.probability(0, {out.data(), 4, 4, 1});
    EXPECT_FLOAT_EQ(out[3], 1);
    Pixels labels(16);
    segmenter.labels({labels.data(), 4, 4, 1});
    for (std::size_t n = 0; n < 16; ++n) EXPECT_EQ(labels[n], out[n] < 0.5F ? 1 : 0) << n << ": all classes at once";
  }
}

TEST(ImageSegmenter, BlackImagesAreNotDivided) {
  ImageSegmenter segmenter(echo(true, false), 4, 4);
  const Pixels frame(16);
  segmenter.run({frame.data(), 4, 4, 1});
  std::vector<float> out(16);
  segmenter.probability(1, {out.data(), 4, 4, 1});
  EXPECT_EQ(out, std::vector<float>(16));
}

TEST(ImageSegmenter, OtherSizesAndClassesAreRefused) {
  ImageSegmenter segmenter(echo(false, false), 4, 4);
  const Pixels frame(20);
  EXPECT_ERROR(segmenter.run({frame.data(), 5, 4, 1}), ErrorCode::bad_input);
  std::vector<float> out(20);
  EXPECT_ERROR(segmenter.probability(2, {out.data(), 4, 4, 1}), ErrorCode::bad_input);
  EXPECT_ERROR(segmenter.probability(-1, {out.data(), 4, 4, 1}), ErrorCode::bad_input);
  EXPECT_ERROR(segmenter.probability(1, {out.data(), 5, 4, 1}), ErrorCode::bad_input);
}

TEST(ImageSegmenter, BoneIsFoundInARealRecordingAndOnlyTheRightWayUp) {
  const char* data = std::getenv("SAGITTAL_DATA");
  const auto folder = std::filesystem::path(data != nullptr ? data : SAGITTAL_SOURCE_DIR "/../shared/data") / "us_plus";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
  const Bytes file = read_file(folder / "SagittalSpine_05.h5", 1 << 26);
  const auto share = [&](bool flip) {
    io::SequenceReader reader(folder / "BoneUltrasound_L14.igs.mha");
    const auto model = nn::read_keras(file, {"bone", {true, flip}, {"background", "bone"}}, "bone");
    ImageSegmenter segmenter(nn::cpu::make_graph_network(model, 1), reader.header().width, reader.header().height);
    double bone = 0;
    io::SequenceFrame frame;
    Pixels mask(820 * 616);
    while (reader.next(frame)) {
      segmenter.run({frame.pixels.as<std::uint8_t>().data(), 820, 616, 1});
      segmenter.mask(1, 0.5F, {mask.data(), 820, 616, 1});
      bone += std::accumulate(mask.begin(), mask.end(), 0.0) / static_cast<double>(mask.size());
    }
    return bone / static_cast<double>(reader.header().frames);
  };
  EXPECT_NEAR(share(true), 0.0080, 0.0003) << "0.8 to 0.9 % of the pixels: the bone's surface";
  EXPECT_LT(share(false), 0.003) << "only pieces of it";
}

}  // namespace
}  // namespace sagittal
