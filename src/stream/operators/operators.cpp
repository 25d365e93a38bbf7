#include "stream/operators/operators.h"

namespace sagittal::stream {

void add_standard_operators(OperatorRegistry& registry) {
  add_picture_operators(registry);
  add_flow_operators(registry);
  add_image_folder(registry);
  add_recording_operators(registry);
  add_i420_operators(registry);
  add_label_operators(registry);
  add_network(registry);
  add_phantom(registry);
  add_onnx(registry);
  add_nnunet(registry);
  add_igtl_operators(registry);
  add_pose_operators(registry);
  add_sequence_operators(registry);
  add_volume_operators(registry);
}

}  // namespace sagittal::stream
