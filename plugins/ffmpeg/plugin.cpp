
extern "C" {
#include <libavutil/log.h>
}

#include "stream/registry.h"
#include "video_operators.h"

SAGITTAL_PLUGIN(registry) {
  av_log_set_level(AV_LOG_QUIET);  // what matters is in errors and counters
  sagittal::stream::ffmpeg::add_video_file(registry);
  sagittal::stream::ffmpeg::add_camera(registry);
  sagittal::stream::ffmpeg::add_video_codecs(registry);
}
