#pragma once
#include "stream/registry.h"

namespace sagittal::stream::ffmpeg {

void add_video_file(OperatorRegistry& registry);
void add_camera(OperatorRegistry& registry);
void add_video_codecs(OperatorRegistry& registry);  ///< video_encode, video_decode

}  // namespace sagittal::stream::ffmpeg
