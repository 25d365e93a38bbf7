#include "stream/operators/labels.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "stream/json_text.h"
#include "stream/operators/scalar.h"
#include "volume/contours.h"

namespace sagittal::stream {
namespace {

[[noreturn]] void refuse(const Tensor& tensor) {
  throw Error(ErrorCode::bad_input,
              fmt::format("tensor \"{}\" has the shape {}, expected one picture with its channels", tensor.name,
                          fmt::join(tensor.shape, " x ")));
}

/// The winner among channels [begin, end).
int largest(const float* values, int begin, int end) {
  int winner = begin;
  for (int c = begin + 1; c < end; ++c) {
    if (values[c] > values[winner]) winner = c;
  }
  return winner;
}

std::uint8_t label_of(const float* values, int channels, Labelling how, float threshold) {
  if (how == Labelling::softmax) return static_cast<std::uint8_t>(largest(values, 0, channels));
  const int begin = how == Labelling::foreground ? 1 : 0;
  const int winner = largest(values, begin, channels);
  return values[winner] >= threshold ? static_cast<std::uint8_t>(winner + 1 - begin) : std::uint8_t{0};
}

}  // namespace

ChannelsLast channels_last(const Tensor& tensor, bool channels_first, std::vector<float>& scratch) {
  std::vector<std::int64_t> shape = tensor.shape;
  if (shape.size() == 4 && shape[0] == 1) shape.erase(shape.begin());
  if (shape.size() == 2) shape.insert(channels_first ? shape.begin() : shape.end(), 1);
  if (shape.size() != 3) refuse(tensor);
  std::uint64_t count = 1;
  for (const std::int64_t side : shape) {
    if (side < 1 || side > 65535) refuse(tensor);
    count *= static_cast<std::uint64_t>(side);
  }
  if (count != tensor.floats().size()) refuse(tensor);
  const float* values = tensor.floats().data();
  if (!channels_first) {
    if (shape[2] > kMaxComponents) refuse(tensor);
    return {shape[0], shape[1], static_cast<int>(shape[2]), values};
  }
  if (shape[0] > kMaxComponents) refuse(tensor);
  const auto channels = static_cast<std::size_t>(shape[0]), plane = static_cast<std::size_t>(shape[1] * shape[2]);
  scratch.resize(channels * plane);
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t p = 0; p < plane; ++p) scratch[p * channels + c] = values[c * plane + p];
  }
  return {shape[1], shape[2], static_cast<int>(channels), scratch.data()};
}

Frame label_frame(const Tensor& tensor, const ChannelsLast& values, Labelling how, float threshold,
                  Resampler& resampler, FramePool& pool) {
  if (how == Labelling::foreground && values.channels < 2) {
    throw Error(ErrorCode::bad_input, fmt::format("tensor \"{}\" has one channel, so no background", tensor.name));
  }
  Frame out{tensor.geometry, 1, ScalarType::u8, {}};
  out.geometry.size[2] = 1;
  FreshBytes fresh = pool.take(out.bytes_needed());
  std::uint8_t* to = fresh.span().data();
  resampler.prepare(values.width, values.height, out.width(), out.height(), Filter::bilinear);
  resampler.rows(values.values, values.channels, [&](std::size_t, std::span<const float> row) {
    for (const float* pixel = row.data(); pixel != row.data() + row.size(); pixel += values.channels) {
      *to++ = label_of(pixel, values.channels, how, threshold);
    }
  });
  out.pixels = std::move(fresh).share();
  return out;
}

Frame channel_frame(const Tensor& tensor, const ChannelsLast& values, int channel, float scale, ScalarType type,
                    Resampler& resampler, FramePool& pool) {
  if (channel < 0 || channel >= values.channels) {
    throw Error(ErrorCode::bad_input, fmt::format("channel {} of tensor \"{}\" is asked for, it has {}", channel,
                                                  tensor.name, values.channels));
  }
  Frame out{tensor.geometry, 1, type, {}};
  out.geometry.size[2] = 1;
  FreshBytes fresh = pool.take(out.bytes_needed());
  resampler.prepare(values.width, values.height, out.width(), out.height(), Filter::bilinear);
  const auto step = static_cast<std::size_t>(values.channels);
  visit_scalar(type, [&]<class T>(T) {
    T* to = fresh.as<T>().data();
    resampler.rows(values.values, values.channels, [&](std::size_t, std::span<const float> row) {
      for (std::size_t at = static_cast<std::size_t>(channel); at < row.size(); at += step) {
        *to++ = scalar_from<T>(row[at] * scale);
      }
    });
  });
  out.pixels = std::move(fresh).share();
  return out;
}

void set_label_names(Envelope& envelope, const std::map<std::int64_t, std::string>& names) {
  Json table = Json::object();
  for (const auto& [label, name] : names) table[std::to_string(label)] = name;
  envelope.metadata.set("Labels", json_text(table));
}

void check_labels(const Frame& frame) {
  if (frame.components == 1 && frame.type == ScalarType::u8) return;
  throw Error(ErrorCode::bad_input, fmt::format("labels are one uint8 a pixel, this frame has {} x {}",
                                                frame.components, name_of(frame.type)));
}

std::vector<Polylines::Line> contours(const Frame& labels, std::uint8_t label) {
  check_labels(labels);
  std::vector<Polylines::Line> lines;
  const std::int64_t pixels = labels.width() * labels.height();
  for (std::int64_t k = 0; k < labels.geometry.size[2]; ++k) {
    const ImageView<const std::uint8_t> plane{labels.pixels.view().data() + k * pixels, labels.width(),
                                              labels.height()};
    for (const auto& outline : sagittal::contours(plane, label)) {
      Polylines::Line& line = lines.emplace_back();
      line.closed = true;
      line.label = label;
      for (const Point2& point : outline) {
        line.points_mm.push_back(index_to_world(labels.geometry, {point.x, point.y, static_cast<double>(k)}));
      }
    }
  }
  return lines;
}

}  // namespace sagittal::stream
