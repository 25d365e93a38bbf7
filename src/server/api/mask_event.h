#pragma once
#include <string>

#include "server/api/session_access.h"

namespace sagittal::server {

/// {"revision","bounds","voxels","volume_ml","can_undo","can_redo"} of a segment as it is now; `bounds` in array order.
Json describe_mask(const NativeTurn& native, const NativeSegment& segment, const Box& bounds);

/// Tells the session's listeners what the segment's mask is now inside `bounds` (array order).
void publish_mask(const SessionAccess& access, const NativeTurn& native, const NativeSegment& segment,
                  const std::string& request, const Box& bounds);

/// Tells them that a prompt failed or was stopped; from anywhere.
void publish_error(const SessionAccess& access, const std::string& session, int segment, const std::string& request,
                   const Json& error);

/// The smallest box that holds both, of which either may be empty.
inline Box joined(const Box& a, const Box& b) { return a.empty() ? b : b.empty() ? a : hull(a, b); }

}  // namespace sagittal::server
