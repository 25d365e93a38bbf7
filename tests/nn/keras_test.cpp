#include "nn/keras/convert.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/json.h"
#include "expect_error.h"
#include "nn/cpu/graph_network.h"
#include "nn/keras/hdf5.h"

namespace sagittal::nn {
namespace {

const std::filesystem::path kData = std::filesystem::path(SAGITTAL_SOURCE_DIR) / "tests/nn/data/graph";

Bytes small() { return read_file(kData / "small.h5", 1 << 20); }
const KerasOptions kSmall{"small", {}, {}};

TEST(Keras, IsConvertedToTheBytesOfThePythonConverter) {
  const GraphFiles files = convert_keras(small(), kSmall, "small.h5");
  EXPECT_EQ(files.network, as_text(read_file(kData / "small/network.json", 1 << 20)));
  EXPECT_EQ(files.weights, read_file(kData / "small/weights.safetensors", 1 << 20));
}

TEST(Keras, FilesInPartAreRefused) {
  const Bytes whole = small();
  for (std::size_t size = 0; size < whole.size(); size += 397) {
    EXPECT_THROW(convert_keras({whole.data(), size}, kSmall, "cut"), Error) << size;
  }
}

TEST(Keras, EachByteMayBeALie) {
  const Bytes whole = small();
  // headers, trees and heaps lie all over the file
  for (std::size_t at = 0; at < whole.size(); at += at < 700 ? 1 : 149) {
    Bytes forged = whole;
    forged[at] ^= 0xff;
    try {
      convert_keras(forged, kSmall, "forged");  // a weight's byte may be any
    } catch (const Error&) {
    }
  }
}

TEST(Hdf5, OtherFilesAreRefused) {
  EXPECT_ERROR(Hdf5File({}, "test"), ErrorCode::bad_input);
  EXPECT_ERROR(Hdf5File(Bytes(2000), "test"), ErrorCode::bad_input);
  Bytes newer = small();
  newer[8] = 3;
  EXPECT_ERROR(Hdf5File(newer, "test"), ErrorCode::unsupported);
  const Bytes whole = small();
  const Hdf5File file(whole, "test");
  EXPECT_ERROR(file.find(file.root(), "model_weights/nowhere"), ErrorCode::bad_input);
  const auto kernel = file.find(file.root(), "model_weights/down/down/kernel:0").dataset;
  ASSERT_TRUE(kernel);
  EXPECT_EQ(kernel->shape, (std::vector<std::int64_t>{3, 3, 3, 5}));
}

TEST(Hdf5, RecordsThatLeadToThemselvesComeToAnEnd) {
  const Bytes whole = small();
  const auto text = as_text(whole);
  for (const char* signature : {"TREE", "SNOD", "HEAP"}) {
    for (std::size_t from = text.find(signature), n = 0; from != std::string_view::npos && n < 8;
         from = text.find(signature, from + 1), ++n) {
      Bytes forged = whole;
      for (std::size_t at = from + 8; at + 8 <= std::min(from + 64, whole.size()); at += 8) {
        std::memcpy(forged.data() + at, &from, 8);
      }
      try {
        convert_keras(forged, kSmall, "forged");
      } catch (const Error&) {
      }
    }
  }
}

TEST(Keras, TheBoneNetworkAnswersAsInTensorFlow) {
  const char* data = std::getenv("SAGITTAL_DATA");
  const auto path = std::filesystem::path(data != nullptr ? data : SAGITTAL_SOURCE_DIR "/../shared/data") /
                    "us_plus/SagittalSpine_05.h5";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  const GraphModel model = read_keras(read_file(path, 1 << 26), {"bone", {true, true}, {"background", "bone"}}, "bone");
  EXPECT_EQ(model.graph.inputs[0].shape, (GraphShape{128, 128, 1}));
  const auto network = cpu::make_graph_network(model, 1);
  std::vector<float> image(128 * 128), out(128 * 128 * 2);
  for (int y = 0; y < 128; ++y) {
    for (int x = 0; x < 128; ++x) {
      const double arc = std::exp(-std::pow((std::hypot(x - 64, y - 20) - 60) / 3, 2));
      image[static_cast<std::size_t>(y * 128 + x)] =
          static_cast<float>(std::clamp(0.2 * y / 127 + 0.8 * arc, 0.0, 1.0));
    }
  }
  const std::span<const float> in(image);
  const std::span<float> to(out);
  network->run({&in, 1}, {&to, 1});
  const Json expected = parse_json(as_text(read_file(kData / "bone.json", 1 << 20)), "bone.json");
  const auto at = json_get<std::vector<std::vector<std::size_t>>>(expected, "at", "bone.json");
  const auto values = json_get<std::vector<float>>(expected, "values", "bone.json");
  double mean = 0;
  int above_half = 0;
  for (std::size_t pixel = 0; pixel < image.size(); ++pixel) {
    mean += static_cast<double>(out[2 * pixel + 1]) / static_cast<double>(image.size());
    above_half += out[2 * pixel + 1] > 0.5F ? 1 : 0;
  }
  for (std::size_t n = 0; n < at.size(); ++n) {
    EXPECT_NEAR(out[2 * (at[n][0] * 128 + at[n][1]) + 1], values[n], 2e-5) << at[n][0] << ", " << at[n][1];
  }
  EXPECT_NEAR(mean, json_get<double>(expected, "mean", "bone.json"), 1e-6);
  EXPECT_NEAR(above_half, json_get<int>(expected, "above_half", "bone.json"), 1);
}

}  // namespace
}  // namespace sagittal::nn
