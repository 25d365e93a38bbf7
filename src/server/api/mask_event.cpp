#include "server/api/mask_event.h"

#include "base/base64.h"
#include "server/api/forms.h"

namespace sagittal::server {

Json describe_mask(const NativeTurn& native, const NativeSegment& segment, const Box& bounds) {
  const interact::SegmentSummary now = native.session().describe_segment(segment.slot);
  return {{"revision", native.native.revision},
          {"bounds", bounds_json(bounds)},
          {"voxels", now.voxels},
          {"volume_ml", static_cast<double>(now.voxels) * voxel_ml(native.native.geometry)},
          {"can_undo", now.can_undo},
          {"can_redo", now.can_redo}};
}

void publish_mask(const SessionAccess& access, const NativeTurn& native, const NativeSegment& segment,
                  const std::string& request, const Box& bounds) {
  if (!access.has_listeners(native.id)) return;
  Json event = describe_mask(native, segment, bounds);
  event["type"] = "mask";
  event["segment"] = segment.number;
  event["request"] = request;
  event["coarse"] = false;
  event["mask"] = encode_base64(mask_bits(native.session(), segment.slot, bounds));
  access.publish(native.id, event);
}

void publish_error(const SessionAccess& access, const std::string& session, int segment, const std::string& request,
                   const Json& error) {
  access.publish(session, {{"type", "error"}, {"segment", segment}, {"request", request}, {"error", error}});
}

}  // namespace sagittal::server
