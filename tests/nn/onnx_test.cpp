#include <gtest/gtest.h>

#include "base/error.h"
#include "expect_error.h"
#include "nn/onnx/onnx_file.h"

namespace sagittal::nn {
namespace {

Bytes file_of(const char* name) {
  return read_file(std::filesystem::path(SAGITTAL_SOURCE_DIR) / "tests/stream/operators/onnx" / name, 1 << 20);
}

/// A field of protocol buffers that holds a message or text.
std::string field(int number, const std::string& content) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(content.size())} + content;
}
std::string field(int number, int value) { return {static_cast<char>(number << 3), static_cast<char>(value)}; }
/// A model with a graph of one tensor.
OnnxFile with_tensor(const std::string& tensor) {
  const std::string graph = field(5, tensor) + field(11, field(1, "x")) + field(12, field(1, "y"));
  return read_onnx(as_bytes(field(7, graph)), "test");
}

TEST(OnnxFile, SaysWhatGoesInAndOut) {
  const OnnxFile file = read_onnx(file_of("segment.onnx"), "segment.onnx");
  ASSERT_EQ(file.inputs.size(), 1u);
  EXPECT_EQ(file.inputs[0].name, "x");
  EXPECT_TRUE(file.inputs[0].is_float32);
  EXPECT_EQ(file.inputs[0].shape, (std::vector<std::int64_t>{1, 1, 12, 16}));
  ASSERT_EQ(file.outputs.size(), 1u);
  EXPECT_EQ(file.outputs[0].name, "logits");
  EXPECT_EQ(file.nodes, 8u);
  EXPECT_EQ(file.opset, 11);
  EXPECT_EQ(file.metadata.at("labels"), R"(["background", "bone", "skin"])");
  EXPECT_EQ(read_onnx(file_of("colours.onnx"), "colours.onnx").inputs[0].shape,
            (std::vector<std::int64_t>{1, 3, -1, -1}));
}

TEST(OnnxFile, CutFilesAreRefused) {
  const Bytes whole = file_of("segment.onnx");
  // behind the graph stand the operators' version and labels, which may be missing
  for (std::size_t size = 0; size < whole.size() - 80; ++size) {
    EXPECT_THROW(read_onnx({whole.data(), size}, "cut"), Error) << size;
  }
}

TEST(OnnxFile, EachByteMayBeALie) {
  const Bytes whole = file_of("segment.onnx");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    Bytes forged = whole;
    forged[at] ^= 0xff;
    try {
      read_onnx(forged, "forged");  // a weight's byte may be any
    } catch (const Error&) {
    }
  }
}

TEST(OnnxFile, TensorsHoldWhatTheirShapesSay) {
  const std::string float32 = field(2, 1), two = field(1, 2);
  EXPECT_EQ(with_tensor(two + float32 + field(9, std::string(8, '\0'))).weights, 2u);
  EXPECT_EQ(with_tensor(two + float32 + field(4, std::string(8, '\0'))).weights, 2u);
  EXPECT_ERROR(with_tensor(two + float32 + field(9, std::string(4, '\0'))), ErrorCode::bad_input);
  EXPECT_ERROR(with_tensor(two + float32 + field(4, std::string(4, '\0'))), ErrorCode::bad_input);
  EXPECT_ERROR(with_tensor(two + float32), ErrorCode::bad_input);
  EXPECT_ERROR(with_tensor(two + float32 + field(7, 1) + field(7, 1)), ErrorCode::bad_input);  // of another type
  EXPECT_ERROR(with_tensor(float32 + field(1, std::string(60, '\x7f')) + field(9, "")), ErrorCode::bad_input);
}

TEST(OnnxFile, WeightsElsewhereAndLoopsAreRefused) {
  EXPECT_ERROR(with_tensor(field(2, 1) + field(13, field(1, "location"))), ErrorCode::unsupported);
  EXPECT_ERROR(with_tensor(field(2, 1) + field(14, 1)), ErrorCode::unsupported);
  const std::string loop = field(1, field(5, field(6, field(1, ""))));
  EXPECT_ERROR(read_onnx(as_bytes(field(7, loop)), "test"), ErrorCode::unsupported);
  EXPECT_ERROR(read_onnx({}, "test"), ErrorCode::bad_input);
  EXPECT_ERROR(read_onnx(as_bytes(field(7, field(11, field(1, "x")))), "test"), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::nn
