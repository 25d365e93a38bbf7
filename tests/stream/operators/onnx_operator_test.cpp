#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <random>

#include <unistd.h>

#include <fmt/format.h>

#include "expect_error.h"
#include "frames.h"
#include "stream/values.h"

namespace sagittal::stream {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kModels = std::filesystem::path(SAGITTAL_SOURCE_DIR) / "tests/stream/operators/onnx";

std::string model(const std::string& name) { return (kModels / (name + ".onnx")).string(); }

/// What onnxruntime made of the networks (make_onnx.py).
Json vector_of(const std::string& name) {
  const Bytes bytes = read_file(kModels / "vectors.json", 1 << 20);
  for (const Json& one : parse_json(as_text(bytes), "vectors.json")) {
    if (one.at("model") == name) return one;
  }
  throw Error(ErrorCode::not_found, name);
}

/// The frame whose bytes are the vector's input times 255.
Frame frame_of(const Json& vector, bool channels_last) {
  const auto shape = vector.at("input_shape").get<std::vector<std::int64_t>>();
  const std::int64_t h = shape[channels_last ? 1 : 2], w = shape[channels_last ? 2 : 3];
  const std::int64_t channels = shape[channels_last ? 3 : 1];
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(h * w * channels));
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t p = 0; p < h * w; ++p) {
      const std::int64_t n = channels_last ? p * channels + c : c * h * w + p;
      pixels[static_cast<std::size_t>(p * channels + c)] = static_cast<std::uint8_t>(7 * n % 256);
    }
  }
  return test::frame<std::uint8_t>(w, h, pixels, static_cast<int>(channels));
}

/// The vector's output [1, C, H, W] as [H, W, C].
std::vector<float> channels_last(const Json& output) {
  const auto shape = output.at("shape").get<std::vector<std::size_t>>();
  const auto values = output.at("values").get<std::vector<float>>();
  std::vector<float> turned(values.size());
  const std::size_t plane = shape[2] * shape[3];
  for (std::size_t c = 0; c < shape[1]; ++c) {
    for (std::size_t p = 0; p < plane; ++p) turned[p * shape[1] + c] = values[c * plane + p];
  }
  return turned;
}

std::shared_ptr<test::Kept<Tensor>> run_onnx(const Json& parameters, const Frame& picture) {
  return test::through<Tensor>("onnx", parameters, std::vector<Frame>{picture});
}

void expect_near(std::span<const float> found, const std::vector<float>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t n = 0; n < found.size(); ++n) ASSERT_NEAR(found[n], expected[n], 2e-5) << n;
}

TEST(Onnx, AnswersAsOnnxruntimeDoes) {
  const Json vector = vector_of("segment");
  Frame picture = frame_of(vector, false);
  picture.geometry.origin_mm = {5, 6, 7};
  const auto kept = run_onnx({{"model", model("segment")}}, picture);
  const Tensor& tensor = (*kept)[0];
  EXPECT_EQ(tensor.name, "logits");
  EXPECT_EQ(tensor.shape, (std::vector<std::int64_t>{12, 16, 3})) << "maps have their channels last";
  EXPECT_EQ(tensor.geometry, picture.geometry);
  EXPECT_EQ(kept->envelope(0).sequence, 1u);
  expect_near(tensor.floats(), channels_last(vector.at("outputs").at(0)));
}

TEST(Onnx, TakesPicturesOfAnySizeWhereTheFileDoes) {
  const Json vector = vector_of("colours");
  const auto kept = run_onnx({{"model", model("colours")}}, frame_of(vector, false));
  expect_near((*kept)[0].floats(), channels_last(vector.at("outputs").at(0)));
  const auto smaller = run_onnx({{"model", model("colours")}, {"width", 8}, {"height", 6}}, frame_of(vector, false));
  EXPECT_EQ((*smaller)[0].shape, (std::vector<std::int64_t>{3, 4, 2}));
}

TEST(Onnx, AnswersThatAreNoMapStayAsTheyAre) {
  const Json vector = vector_of("colours");
  const auto kept = run_onnx({{"model", model("colours")}, {"output", "scores"}}, frame_of(vector, false));
  EXPECT_EQ((*kept)[0].shape, (std::vector<std::int64_t>{1, 5}));
  expect_near((*kept)[0].floats(), vector.at("outputs").at(1).at("values").get<std::vector<float>>());
}

TEST(Onnx, TakesChannelsLastToo) {
  const Json vector = vector_of("channels_last");
  const auto kept = run_onnx({{"model", model("channels_last")}, {"data_format", "nhwc"}}, frame_of(vector, true));
  EXPECT_EQ((*kept)[0].shape, (std::vector<std::int64_t>{1, 6, 8, 2}));
  expect_near((*kept)[0].floats(), vector.at("outputs").at(0).at("values").get<std::vector<float>>());
}

TEST(Onnx, ScalesAndTurnsColoursAsTheParametersSay) {
  const Json vector = vector_of("colours");
  Frame picture = frame_of(vector, false);
  Bytes turned(picture.pixels.view().begin(), picture.pixels.view().end());
  for (std::size_t p = 0; p < turned.size(); p += 3) std::swap(turned[p], turned[p + 2]);
  picture.pixels = SharedBytes(std::move(turned));
  // (v * 2 / 255 - 1) / 2 and a mean of -0.5 are v / 255 again
  const Json parameters{{"model", model("colours")},
                        {"channel_order", "bgr"},
                        {"scale", 2.0 / 255},
                        {"mean", {0.0, 0.0, 0.0}},
                        {"std", {2.0}}};
  expect_near((*run_onnx(parameters, picture))[0].floats(), channels_last(vector.at("outputs").at(0)));
  const auto shifted = run_onnx({{"model", model("colours")}, {"mean", {0.5}}}, frame_of(vector, false));
  const float first = channels_last(vector.at("outputs").at(0))[0];
  EXPECT_GT(std::abs((*shifted)[0].floats()[0] - first), 1e-3) << "a mean changes the answer";
}

TEST(Onnx, ActivationsMakeProbabilities) {
  const Frame picture = frame_of(vector_of("segment"), false);
  const auto logits = run_onnx({{"model", model("segment")}}, picture);
  const auto soft = run_onnx({{"model", model("segment")}, {"activation", "softmax"}}, picture);
  const auto sigmoid = run_onnx({{"model", model("segment")}, {"activation", "sigmoid"}}, picture);
  const auto values = (*soft)[0].floats();
  for (std::size_t p = 0; p < values.size(); p += 3) ASSERT_NEAR(values[p] + values[p + 1] + values[p + 2], 1, 1e-5);
  EXPECT_NEAR((*sigmoid)[0].floats()[7], 1 / (1 + std::exp(-(*logits)[0].floats()[7])), 1e-6);
}

TEST(Onnx, ItsMapsBecomeLabelsOnTheFramesGrid) {
  const Json vector = vector_of("segment");
  const Frame picture = frame_of(vector, false);
  const auto kept = std::make_shared<test::Kept<Frame>>();
  Graph graph;
  graph.add("source", test::give(test::numbered<Frame>({picture})));
  graph.add("onnx", test::make("onnx"), {{"model", model("segment")}});
  graph.add("labels", test::make("segmentation"));
  graph.add("sink", test::keep(kept));
  graph.connect("source", "onnx");
  graph.connect("onnx.out", "labels");
  graph.connect("labels", "sink");
  ASSERT_EQ(test::run(std::move(graph)).ending, Ending::finished);
  const auto expected = channels_last(vector.at("outputs").at(0));
  const auto labels = test::values_of<std::uint8_t>((*kept)[0]);
  ASSERT_EQ(labels.size(), 12u * 16);
  for (std::size_t p = 0; p < labels.size(); ++p) {
    const auto pixel = expected.begin() + static_cast<std::ptrdiff_t>(3 * p);
    ASSERT_EQ(labels[p], std::max_element(pixel, pixel + 3) - pixel) << p;
  }
}

std::filesystem::path write(const std::string& name, ByteView bytes) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / fmt::format("onnx_{}", getpid());
  std::filesystem::create_directories(folder);
  write_file_atomically(folder / name, bytes);
  return folder / name;
}

TEST(Onnx, AnotherFileThanExpectedIsRefused) {
  const Frame picture = frame_of(vector_of("segment"), false);
  EXPECT_ERROR(run_onnx({{"model", model("segment")}, {"sha256", {std::string(64, '0')}}}, picture),
               ErrorCode::bad_input);
  EXPECT_ERROR(run_onnx({{"model", model("segment")}, {"output", "nothing"}}, picture), ErrorCode::not_found);
  EXPECT_ERROR(run_onnx({{"model", model("colours")}}, picture), ErrorCode::bad_input);
  const Json huge{{"model", model("colours")}, {"width", 16384}, {"height", 16384}};
  EXPECT_ERROR(run_onnx(huge, frame_of(vector_of("colours"), false)), ErrorCode::too_large);
}

TEST(Onnx, FilesInPartAndGarbageAreErrors) {
  const Frame picture = frame_of(vector_of("segment"), false);
  const Bytes whole = read_file(model("segment"), 1 << 20);
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    const auto cut = write("cut.onnx", ByteView(whole).first(size));
    EXPECT_THROW(run_onnx({{"model", cut.string()}}, picture), Error) << size;
  }
  std::mt19937 random(1);
  Bytes garbage(5000);
  for (std::uint8_t& byte : garbage) byte = static_cast<std::uint8_t>(random());
  const auto file = write("garbage.onnx", garbage);
  EXPECT_ERROR(run_onnx({{"model", file.string()}}, picture), ErrorCode::bad_input);
}

TEST(Onnx, WhatOpenCvDoesNotTakeIsAnError) {
  // the only Relu becomes an operator that nobody has
  Bytes unknown = read_file(model("segment"), 1 << 20);
  const std::string_view name = "MaxPool";
  const auto place = as_text(unknown).find(name);
  ASSERT_NE(place, std::string_view::npos);
  unknown[place] = 'X';
  const auto file = write("unknown.onnx", unknown);
  EXPECT_ERROR(run_onnx({{"model", file.string()}}, frame_of(vector_of("segment"), false)), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::stream
