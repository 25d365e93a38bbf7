#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "base/error.h"
#include "stream/operator.h"
#include "stream/operators/operators.h"
#include "stream/values.h"

namespace sagittal::stream {
namespace {

// The raw codec of OpenIGTLink's VIDEO: a plane of brightness, then two of colour with half as many rows and columns;
// ITU-R BT.601 in the whole numbers that the OpenIGTLink library uses (Source/VideoStreaming/igtlCodecCommonClasses.h).
// The brightness of a grey picture is its grey value as it is.

std::size_t planes_of(std::int64_t width, std::int64_t height) {
  return static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3 / 2;
}

std::uint8_t to_byte(int value) { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); }

void check_even(const Geometry& grid) {
  if (grid.size[2] != 1 || grid.size[0] % 2 != 0 || grid.size[1] % 2 != 0) {
    throw Error(
        ErrorCode::bad_input,
        fmt::format("I420 has pictures of even width and height, found {}; crop or resize", describe_shape(grid.size)));
  }
}

class I420Encode final : public Operator {
 public:
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(out_, "out");
  }
  void compute() override {
    auto incoming = in_.take();
    const Frame& frame = *incoming;
    check_even(frame.geometry);
    if (frame.type != ScalarType::u8 || (frame.components != 1 && frame.components != 3)) {
      throw Error(ErrorCode::bad_input, fmt::format("I420 has uint8 with 1 or 3 components, found {} x {}",
                                                    frame.components, name_of(frame.type)));
    }
    FreshBytes fresh = context().frames().take(planes_of(frame.width(), frame.height()));
    if (frame.components == 1) {
      const std::size_t pixels = frame.pixels.size();
      std::memcpy(fresh.span().data(), frame.pixels.view().data(), pixels);
      std::memset(fresh.span().data() + pixels, 128, fresh.span().size() - pixels);
    } else {
      encode_colours(frame, fresh.span());
    }
    out_.send(Encoded{"I420", true, 1, frame.components == 1, frame.geometry, std::move(fresh).share()},
              std::move(incoming.envelope));
  }

 private:
  static void encode_colours(const Frame& frame, std::span<std::uint8_t> planes) {
    const auto width = static_cast<std::size_t>(frame.width()), height = static_cast<std::size_t>(frame.height());
    const std::uint8_t* const rgb = frame.pixels.view().data();
    std::uint8_t* const u = planes.data() + width * height;
    std::uint8_t* const v = u + width * height / 4;
    for (std::size_t n = 0; n < width * height; ++n) {
      const std::uint8_t* const at = rgb + 3 * n;
      planes[n] = to_byte(((66 * at[0] + 129 * at[1] + 25 * at[2] + 128) >> 8) + 16);
    }
    for (std::size_t row = 0; row < height; row += 2) {
      for (std::size_t column = 0; column < width; column += 2) {
        std::array<int, 3> sum{};
        for (const std::size_t n : {row * width + column, row * width + column + 1, (row + 1) * width + column,
                                    (row + 1) * width + column + 1}) {
          for (std::size_t c = 0; c < 3; ++c) sum[c] += rgb[3 * n + c];
        }
        const std::size_t to = row / 2 * (width / 2) + column / 2;
        u[to] = to_byte(((-38 * sum[0] - 74 * sum[1] + 112 * sum[2] + 512) >> 10) + 128);
        v[to] = to_byte(((112 * sum[0] - 94 * sum[1] - 18 * sum[2] + 512) >> 10) + 128);
      }
    }
  }

  Input<Frame> in_;
  Output<Encoded> out_;
};

class I420Decode final : public Operator {
 public:
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(out_, "out");
  }
  void compute() override {
    auto incoming = in_.take();
    const Encoded& encoded = *incoming;
    if (encoded.codec != "I420") {
      throw Error(ErrorCode::unsupported, fmt::format("decodes I420, found \"{}\"", encoded.codec));
    }
    check_even(encoded.geometry);
    Frame frame{encoded.geometry, encoded.grey ? 1 : 3, ScalarType::u8, {}};
    // Sizes of a message are at most 65535 a side; what they ask for must be there before memory is taken.
    const std::size_t needed = planes_of(frame.width(), frame.height());
    if (encoded.bytes.size() != needed) {
      throw Error(ErrorCode::bad_input, fmt::format("a picture of {} as I420 has {} bytes, expected {}",
                                                    describe_shape(frame.geometry.size), encoded.bytes.size(), needed));
    }
    FreshBytes fresh = context().frames().take(frame.bytes_needed());
    if (encoded.grey) {
      std::memcpy(fresh.span().data(), encoded.bytes.view().data(), fresh.span().size());
    } else {
      decode_colours(encoded, fresh.span());
    }
    frame.pixels = std::move(fresh).share();
    check_frame(frame);
    out_.send(std::move(frame), std::move(incoming.envelope));
  }

 private:
  static void decode_colours(const Encoded& encoded, std::span<std::uint8_t> rgb) {
    const auto width = static_cast<std::size_t>(encoded.geometry.size[0]),
               height = static_cast<std::size_t>(encoded.geometry.size[1]);
    const std::uint8_t* const planes = encoded.bytes.view().data();
    for (std::size_t row = 0; row < height; ++row) {
      for (std::size_t column = 0; column < width; ++column) {
        const std::size_t colour = width * height + row / 2 * (width / 2) + column / 2;
        const int y = (planes[row * width + column] - 16) * 298;
        const int u = planes[colour] - 128, v = planes[colour + width * height / 4] - 128;
        std::uint8_t* const to = rgb.data() + 3 * (row * width + column);
        to[0] = to_byte((y + 409 * v + 128) >> 8);
        to[1] = to_byte((y - 100 * u - 208 * v + 128) >> 8);
        to[2] = to_byte((y + 517 * u + 128) >> 8);
      }
    }
  }

  Input<Encoded> in_;
  Output<Frame> out_;
};

}  // namespace

void add_i420_operators(OperatorRegistry& registry) {
  registry.add<I420Encode>("i420_encode", "Frames as the raw codec of VIDEO, half the bytes of RGB.");
  registry.add<I420Decode>("i420_decode", "Frames from the raw codec of VIDEO.");
}

}  // namespace sagittal::stream
