#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "stream/frame.h"
#include "stream/message.h"
#include "stream/values.h"
#include "volume/resampler.h"

namespace sagittal::stream {

/// How the numbers of a network become labels.
enum class Labelling {
  softmax,     ///< the channel with the largest value; channel 0 is background
  foreground,  ///< of the channels but 0, the one with the largest value, where it reaches the threshold
  sigmoid,  ///< of all channels, the one with the largest value, where it reaches the threshold; the first is label 1
};

/// Values of a tensor as [height, width, channels]; a batch of one is left out. `scratch` holds them where the tensor
/// has the channels first. Error(bad_input) where the shape is none of a picture.
struct ChannelsLast {
  std::int64_t height = 0, width = 0;
  int channels = 1;
  const float* values = nullptr;
};
ChannelsLast channels_last(const Tensor& tensor, bool channels_first, std::vector<float>& scratch);

/// uint8 labels on the tensor's grid, which is that of the frame it was made from: values are brought there, bilinear,
/// then compared.
Frame label_frame(const Tensor& tensor, const ChannelsLast& values, Labelling how, float threshold,
                  Resampler& resampler, FramePool& pool);

/// One channel as a picture on the tensor's grid, value * scale as uint8 or float32.
Frame channel_frame(const Tensor& tensor, const ChannelsLast& values, int channel, float scale, ScalarType type,
                    Resampler& resampler, FramePool& pool);

/// What labels are called, as metadata "Labels": {"1": "liver"}.
void set_label_names(Envelope& envelope, const std::map<std::int64_t, std::string>& names);

/// Frames of one component of uint8 are label images. Error(bad_input) for others.
void check_labels(const Frame& frame);

/// Outlines of a label in each plane k: closed, through the middle between pixels inside and outside, insides to the
/// right, in millimetres.
std::vector<Polylines::Line> contours(const Frame& labels, std::uint8_t label);

}  // namespace sagittal::stream
