#include "stream/igtl/shared_message.h"

#include <algorithm>
#include <string_view>

#include "stream/igtl/image.h"

namespace sagittal::igtl {
namespace {

/// Each picture of it stands alone.
constexpr std::string_view kRawCodec = "I420";
constexpr std::uint8_t kKeyFrame = 1;

bool is_key_frame(const Outgoing& message) {
  const Video video = read_video(beginning(message, kVideoHeadBytes));
  return video.frame_kind == kKeyFrame || video.codec == kRawCodec;
}

Replacing replacing_of(const Outgoing& message) {
  const std::string_view type = message.type;
  for (const std::string_view prefix : {"COMMAND", "RTS_", "GET_", "STT_", "STP_"}) {
    if (type.starts_with(prefix)) return Replacing::never;
  }
  if (type == "VIDEO") return is_key_frame(message) ? Replacing::key_frame : Replacing::by_key;
  return Replacing::by_latest;
}

/// So that what cannot be packed is known before it waits in a queue.
void check(const Outgoing& message) {
  constexpr std::uint16_t with_metadata = 2;
  pack({.type = message.type, .device = message.device, .metadata = message.metadata}, with_metadata);
}

}  // namespace

Bytes beginning(const Outgoing& message, std::size_t size) {
  Bytes out(message.content.begin(),
            message.content.begin() + static_cast<std::ptrdiff_t>(std::min(size, message.content.size())));
  const ByteView more = message.bulk.first(std::min(size - out.size(), message.bulk.size()));
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

SharedMessage::SharedMessage(Outgoing message, std::shared_ptr<const void> bulk_owner)
    : message_(std::move(message)), bulk_owner_(std::move(bulk_owner)), replacing_(replacing_of(message_)) {
  check(message_);
}

const Packed& SharedMessage::packed(std::uint16_t version) const {
  Form& form = forms_[version >= 2 ? 1 : 0];
  std::call_once(form.once, [&] { form.packed = pack(message_, version >= 2 ? 2 : 1); });
  return form.packed;
}

}  // namespace sagittal::igtl
