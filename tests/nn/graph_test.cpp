#include "nn/graph/graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include <fmt/format.h>

#include "base/json.h"
#include "expect_error.h"
#include "nn/cpu/graph_network.h"
#include "nn/safetensors.h"

namespace sagittal::nn {
namespace {

using Values = std::vector<float>;
const std::filesystem::path kData = std::filesystem::path(SAGITTAL_SOURCE_DIR) / "tests/nn/data/graph";

Json read_json(const std::filesystem::path& path) { return parse_json(as_text(read_file(path, 1 << 24)), "test"); }

std::vector<Values> run(const GraphNetwork& network, const std::vector<Values>& inputs) {
  std::vector<std::span<const float>> in(inputs.begin(), inputs.end());
  std::vector<Values> outputs;
  for (const int value : network.graph().outputs) {
    outputs.emplace_back(static_cast<std::size_t>(network.graph().shape_of(value).elements()), -7.0F);
  }
  std::vector<std::span<float>> out(outputs.begin(), outputs.end());
  network.run(in, out);
  return outputs;
}

float largest_difference(const Values& a, const Values& b) {
  EXPECT_EQ(a.size(), b.size());
  float largest = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

/// A graph of one input [height, width, channels] and the nodes given, whose last is the output.
Json graph_of(std::vector<std::int64_t> shape, std::vector<Json> nodes) {
  const std::string last = nodes.back().at("name");
  return {{"format", "sagittal-graph"},
          {"version", 1},
          {"name", "test"},
          {"inputs", {{{"name", "x"}, {"shape", shape}}}},
          {"nodes", nodes},
          {"outputs", {last}}};
}

Json convolution(std::vector<int> kernel, std::vector<int> padding, int filters = 1) {
  return {{"name", "c"},      {"op", "conv2d"},     {"inputs", {"x"}},    {"filters", filters}, {"kernel", kernel},
          {"stride", {1, 1}}, {"dilation", {1, 1}}, {"padding", padding}, {"bias", false}};
}

TEST(Graph, EveryOperationIsThatOfKeras) {
  const GraphModel model = open_graph_model(kData / "small");
  const Json expected = read_json(kData / "small.json");
  const auto inputs = json_get<std::vector<Values>>(expected, "inputs", "test");
  const auto outputs = json_get<std::vector<Values>>(expected, "outputs", "test");
  for (const int threads : {1, 2}) {
    const auto network = cpu::make_graph_network(model, threads);
    const std::vector<Values> found = run(*network, inputs);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_LT(largest_difference(found[0], outputs[0]), 5e-6);
    EXPECT_LT(largest_difference(found[1], outputs[1]), 2e-5) << "values up to 8";
    EXPECT_EQ(run(*network, inputs), found) << "a second run finds the first one's workspace";
  }
}

TEST(Graph, ThreadsRunItAtOnce) {
  const GraphModel model = open_graph_model(kData / "small");
  const auto inputs = json_get<std::vector<Values>>(read_json(kData / "small.json"), "inputs", "test");
  const auto network = cpu::make_graph_network(model, 1);
  const auto expected = run(*network, inputs);
  std::vector<std::vector<Values>> found(4);
  std::vector<std::thread> threads;
  for (auto& result : found) threads.emplace_back([&] { result = run(*network, inputs); });
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : found) EXPECT_EQ(result, expected);
}

TEST(Graph, PaddingLiesWhereTheFileSays) {
  const GraphModel base{parse_graph(graph_of({2, 2, 1}, {convolution({2, 2}, {1, 0, 0, 1})}).dump(), "test"), {}};
  GraphModel model = base;
  model.weights.add("c.weight", {2, 2, 1, 1}, {1, 10, 100, 1000});
  const auto found = run(*cpu::make_graph_network(model, 1), {{1, 2, 3, 4}});
  // row above and column behind are zeros
  EXPECT_EQ(found[0], (Values{100 * 1 + 1000 * 2, 100 * 2, 1 + 20 + 300 + 4000, 2 + 400}));
}

TEST(Graph, AveragesCountThePixelsThatAreThere) {
  const Json pool{{"name", "p"},      {"op", "avg_pool"}, {"inputs", {"x"}},
                  {"kernel", {2, 2}}, {"stride", {1, 1}}, {"padding", {0, 1, 0, 1}}};
  const GraphModel model{parse_graph(graph_of({2, 2, 1}, {pool}).dump(), "test"), {}};
  EXPECT_EQ(run(*cpu::make_graph_network(model, 1), {{1, 2, 3, 6}})[0], (Values{3, 4, 4.5, 6}));
}

TEST(Graph, ForgedNetworksAreRefused) {
  const Json good = graph_of({4, 4, 1}, {convolution({3, 3}, {1, 1, 1, 1})});
  EXPECT_NO_THROW(parse_graph(good.dump(), "test"));
  const auto with = [&](const char* pointer, const Json& value) {
    Json forged = good;
    forged[Json::json_pointer(pointer)] = value;
    return forged.dump();
  };
  const std::pair<const char*, Json> bad[] = {
      {"/format", "onnx"},
      {"/inputs", Json::array()},
      {"/inputs/0/shape", {4, 4}},
      {"/inputs/0/shape", {4, 4, 0}},
      {"/inputs/0/shape", {4, -4, 1}},
      {"/inputs/0/shape", {1 << 20, 4, 1}},
      {"/inputs/0/shape", {4, 4, 1e300}},
      {"/outputs", {"y"}},
      {"/outputs", Json::array()},
      {"/nodes/0/name", "x"},
      {"/nodes/0/name", ""},
      {"/nodes/0/inputs", {"c"}},
      {"/nodes/0/inputs", Json::array()},
      {"/nodes/0/inputs", {"x", "x"}},
      {"/nodes/0/kernel", {3}},
      {"/nodes/0/kernel", {0, 3}},
      {"/nodes/0/kernel", {3, 100000}},
      {"/nodes/0/stride", {0, 1}},
      {"/nodes/0/dilation", {-1, 1}},
      {"/nodes/0/dilation", {200, 1}},
      {"/nodes/0/padding", {3, 1, 1, 1}},
      {"/nodes/0/padding", {-1, 1, 1, 1}},
      {"/nodes/0/padding", {1, 1, 1, 65537}},
      {"/nodes/0/filters", 0},
      {"/nodes/0/filters", -3},
      {"/nodes/0/filters", 1 << 15},
      {"/nodes/0/filters", 9223372036854775807LL},
      {"/nodes/0/bias", "yes"},
      {"/nodes/0", 5},
      {"/labels", 3},
  };
  for (const auto& [pointer, value] : bad) {
    SCOPED_TRACE(std::string(pointer) + " " + value.dump());
    EXPECT_ERROR(parse_graph(with(pointer, value), "test"), ErrorCode::bad_input);
  }
  EXPECT_ERROR(parse_graph(with("/version", 2), "test"), ErrorCode::unsupported);
  EXPECT_ERROR(parse_graph(with("/nodes/0/op", "lambda"), "test"), ErrorCode::unsupported);
  EXPECT_ERROR(parse_graph(with("/inputs/0/shape", {16384, 16384, 1}), "test"), ErrorCode::too_large);
  EXPECT_ERROR(parse_graph("[]", "test"), ErrorCode::bad_input);
  EXPECT_ERROR(parse_graph("{", "test"), ErrorCode::bad_input);
}

TEST(Graph, SizesThatDoNotMeetAreRefused) {
  const auto node = [](const char* name, const char* op, std::vector<std::string> inputs) {
    return Json{{"name", name}, {"op", op}, {"inputs", inputs}, {"factor", {2, 2}}, {"interpolation", "nearest"}};
  };
  const auto up = node("u", "upsample", {"x"});
  EXPECT_ERROR(parse_graph(graph_of({4, 4, 1}, {up, node("j", "concat", {"x", "u"})}).dump(), "test"),
               ErrorCode::bad_input);
  EXPECT_ERROR(parse_graph(graph_of({4, 4, 1}, {up, node("j", "add", {"x", "u"})}).dump(), "test"),
               ErrorCode::bad_input);
  std::vector<Json> endless{node("u0", "upsample", {"x"})};
  for (int n = 1; n < 20; ++n) {
    endless.push_back(node(fmt::format("u{}", n).c_str(), "upsample", {fmt::format("u{}", n - 1)}));
  }
  EXPECT_ERROR(parse_graph(graph_of({1, 1, 1}, endless).dump(), "test"), ErrorCode::too_large);
}

TEST(Graph, WeightsAreExactlyTheParameters) {
  const GraphModel base{parse_graph(graph_of({4, 4, 1}, {convolution({3, 3}, {1, 1, 1, 1})}).dump(), "test"), {}};
  const auto with = [&](const std::string& name, std::vector<std::int64_t> shape, Values values) {
    GraphModel model = base;
    model.weights.add(name, std::move(shape), std::move(values));
    return model;
  };
  const Values nine(9, 1.0F);
  EXPECT_NO_THROW(cpu::make_graph_network(with("c.weight", {3, 3, 1, 1}, nine), 1));
  EXPECT_ERROR(cpu::make_graph_network(base, 1), ErrorCode::bad_input);
  EXPECT_ERROR(cpu::make_graph_network(with("c.weight", {9, 1, 1, 1}, nine), 1), ErrorCode::bad_input);
  EXPECT_ERROR(cpu::make_graph_network(with("d.weight", {3, 3, 1, 1}, nine), 1), ErrorCode::bad_input);
  Values infinite = nine;
  infinite[4] = INFINITY;
  EXPECT_ERROR(cpu::make_graph_network(with("c.weight", {3, 3, 1, 1}, infinite), 1), ErrorCode::bad_input);
  GraphModel more = with("c.weight", {3, 3, 1, 1}, nine);
  more.weights.add("other", {1}, {1});
  EXPECT_ERROR(cpu::make_graph_network(more, 1), ErrorCode::bad_input);
}

TEST(Graph, ImagesOfAnotherSizeAreRefused) {
  const GraphModel model = open_graph_model(kData / "small");
  const auto network = cpu::make_graph_network(model, 1);
  EXPECT_ERROR(run(*network, {Values(5), Values(5)}), ErrorCode::bad_input);
  EXPECT_ERROR(run(*network, {}), ErrorCode::bad_input);
}

StateDict two_tensors() {
  StateDict state;
  state.add("b", {2, 1}, {1, 2});
  state.add("a", {}, {3});
  return state;
}

TEST(Safetensors, ComeBackAsWritten) {
  const Bytes file = write_safetensors(two_tensors());
  const StateDict read = read_safetensors_bytes(file, nullptr, "test");
  ASSERT_EQ(read.tensors.size(), 2U);
  EXPECT_EQ(to_float(*read.find("b")), (Values{1, 2}));
  EXPECT_EQ(to_float(*read.find("a")), (Values{3}));
  EXPECT_EQ(read.find("b")->shape, (std::vector<std::int64_t>{2, 1}));
}

Bytes safetensors_with(const std::string& header, std::size_t data) {
  const std::uint64_t size = header.size();
  Bytes file(sizeof(size) + size + data);
  std::memcpy(file.data(), &size, sizeof(size));
  std::copy(header.begin(), header.end(), file.begin() + sizeof(size));
  return file;
}

TEST(Safetensors, ForgedFilesAreRefused) {
  const auto entry = [](const char* shape, const char* offsets, const char* type = "F32") {
    return std::string(R"({"dtype":")") + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
  };
  const auto one = [&](const char* shape, const char* offsets) { return R"({"a":)" + entry(shape, offsets) + "}"; };
  EXPECT_NO_THROW(read_safetensors_bytes(safetensors_with(one("[2]", "[0,8]"), 8), nullptr, "test"));
  for (const std::string& header :
       {one("[3]", "[0,8]"), one("[-2]", "[0,8]"), one("[2]", "[8,0]"), one("[2]", "[0,16]"), one("[2]", "[0]"),
        one("[2]", "[-8,0]"), one("[4294967296,4294967296,4]", "[0,8]"), one("[1]", "[0,4]"), one("[1]", "[4,8]"),
        one("[1e30]", "[0,8]"), std::string("[]"), std::string("{"), std::string(R"({"a":1})"),
        R"({"a":)" + entry("[2]", "[0,8]") + R"(,"b":)" + entry("[1]", "[4,8]") + "}"}) {
    SCOPED_TRACE(header);
    EXPECT_ERROR(read_safetensors_bytes(safetensors_with(header, 8), nullptr, "test"), ErrorCode::bad_input);
  }
  EXPECT_ERROR(read_safetensors_bytes(Bytes(3), nullptr, "test"), ErrorCode::bad_input);
  EXPECT_ERROR(read_safetensors_bytes(Bytes(8, 0xff), nullptr, "test"), ErrorCode::too_large);
  EXPECT_ERROR(
      read_safetensors_bytes(safetensors_with(R"({"a":)" + entry("[2]", "[0,8]", "F8") + "}", 8), nullptr, "test"),
      ErrorCode::unsupported);
  const Bytes whole = write_safetensors(two_tensors());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW(read_safetensors_bytes({whole.data(), size}, nullptr, "test"), Error) << size;
  }
}

}  // namespace
}  // namespace sagittal::nn
