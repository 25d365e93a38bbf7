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
void add_label_operators(OperatorRegistry& registry);      ///< segmentation, threshold, contours, …
void add_network(OperatorRegistry& registry);
void add_phantom(OperatorRegistry& registry);  ///< phantom, echo_surface
void add_onnx(OperatorRegistry& registry);
void add_nnunet(OperatorRegistry& registry);
void add_igtl_operators(OperatorRegistry& registry);      ///< igtl_input, igtl_output, igtl_command
void add_pose_operators(OperatorRegistry& registry);      ///< pose_pair, coordinate_system
void add_sequence_operators(OperatorRegistry& registry);  ///< sequence_file, sequence_writer
void add_volume_operators(OperatorRegistry& registry);    ///< reconstruct, scan_convert

}  // namespace sagittal::stream
