#pragma once
#include <string>

#include "base/json.h"
#include "stream/igtl/client_info.h"
#include "stream/igtl/contents.h"

namespace sagittal::stream {

/// What pipelines say to Plus. Each throws Error(bad_input) for what is not as said, keys that it does not know too.

/// {images: [ImageToReference], videos: {ImageToReference: VP90}, transforms: [ProbeToReference], tracking: true,
/// tracking_interval: 0, strings: [Depth], types: [POSITION]}, all of them optional. IMAGE, VIDEO, TRANSFORM (or TDATA
/// with `tracking`) and STRING are types by themselves where there is one to be sent.
igtl::ClientInfo client_info_of(const Json& wishes);

/// {name: StartRecording, CaptureDeviceId: Capture} with <Command Name="StartRecording" CaptureDeviceId="Capture"/> as
/// its text. Other values are texts, numbers or true and false.
igtl::Command plus_command_of(const Json& command);

}  // namespace sagittal::stream
