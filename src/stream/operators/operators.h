#pragma once
#include "stream/registry.h"

namespace sagittal::stream {

/// All operators that come with the program (docs/streams.md lists them).
void add_standard_operators(OperatorRegistry& registry);

// Its families.
void add_picture_operators(OperatorRegistry& registry);  ///< resize, crop, flip, channels, normalise
void add_flow_operators(OperatorRegistry& registry);     ///< every, switch, statistics, log, text_filter
void add_image_folder(OperatorRegistry& registry);
void add_recording_operators(OperatorRegistry& registry);  ///< recorder, replayer
void add_i420_operators(OperatorRegistry& registry);       ///< i420_encode, i420_decode

}  // namespace sagittal::stream
