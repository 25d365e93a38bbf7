#pragma once
#include <memory>
#include <optional>

#include "stream/igtl/endpoint.h"
#include "stream/message.h"
#include "stream/operators/image_parts.h"
#include "stream/values.h"

namespace sagittal::stream {

/// Messages of OpenIGTLink (RAS) as values of ports (LPS), and back.

/// Metadata that is more than text: the message's id; the whole name of a device whose name was cut.
inline constexpr std::string_view kMessageIdKey = "igtl_message_id", kDeviceNameKey = "IGTL_DEVICE_NAME";
/// What 3D Slicer does not show of a header, as metadata.
inline constexpr std::string_view kAcquiredKey = "AcquisitionTime", kNumberKey = "FrameNumber",
                                  kLatencyKey = "PipelineLatencyMs";

/// A frame, transform, tracking, text, points, polylines, encoded or status; nothing for types that no port takes, and
/// for a part of an image of which others have not come: `parts` are those of the connection.
/// Pixels stay where they came, in `arrival.body`, unless their byte order or place in memory must change.
/// `sequence` is left 0; the time of arrival is `acquired` where the sender gave none. Error(bad_input | unsupported).
std::optional<Message> message_of(const igtl::Arrival& arrival, ImageParts& parts);
/// The same of a message alone.
std::optional<Message> message_of(const igtl::Arrival& arrival);

/// An RTS_COMMAND as a Text named as the command, its number as metadata "CommandId". Error(bad_input | too_large).
Message answer_of(const igtl::Arrival& arrival);

/// What a port has, as a message for peers, and who keeps its bulk alive. Envelope and metadata go along; `now` is for
/// the latency; 0: none is said. The name is the envelope's, of a transform its own. Integers of 32 and 64 bits become
/// float64, which 3D Slicer reads. Error(bad_input | too_large | unsupported).
struct OutgoingValue {
  igtl::Outgoing message;
  std::shared_ptr<const void> owner;
};
OutgoingValue outgoing_of(const Message& message, UtcTime now, FramePool& pool);

/// A rotation and shift of RAS in LPS, or of LPS in RAS.
Transform flip_coordinates(Transform transform);

}  // namespace sagittal::stream
