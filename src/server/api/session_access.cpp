#include "server/api/session_access.h"

#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "server/api/forms.h"
#include "server/api/prompt_notes.h"
#include "server/state/client_key.h"

namespace sagittal::server {
namespace {

void check_owner(bool is_owner) {
  if (!is_owner) throw Error(ErrorCode::conflict, "only the owner of a shared session may do this");
}

[[noreturn]] void throw_unknown() {
  throw Error(ErrorCode::not_found, "there is no such session; it may have ended, or belong to another key");
}

}  // namespace

void require_owner(const NativeTurn& native) { check_owner(native.is_owner); }

Json describe_prompts(const interact::Capabilities& can) {
  return {{"point", can.supports_points},      {"box2d", can.supports_bbox2d}, {"box3d", can.supports_bbox3d},
          {"scribble", can.supports_scribble}, {"lasso", can.supports_lasso},  {"init", can.supports_initial_label},
          {"point_radius", can.point_radius}};
}

SessionAccess::Found SessionAccess::find(const http::Request& request) const {
  const std::string& id = request.path_values["id"];
  try {
    const auto lease = services_.leases.use(id, request.owner);
    std::string owner = owner_of(lease->session_key);
    const bool is_owner = owner == request.owner;
    return {id, std::move(owner), lease, is_owner};
  } catch (const Error& error) {
    if (error.code() != ErrorCode::gone) throw;
    throw_unknown();
  }
}

void SessionAccess::require_owner(const http::Request& request) const { check_owner(find(request).is_owner); }

NativeSession SessionAccess::load(const Found& found, Turn& turn) {
  if (!turn->session.has_image() || !turn->kept.about.contains("volume")) {
    services_.leases.release(found.id, found.owner);
    forget(found.id);
    publish(found.id, {{"type", "closed"}});
    throw Error(ErrorCode::not_found, "the session was ended to make room for others; open another one");
  }
  NativeSession native = parse_native_session(turn->kept.about);
  services_.volumes.touch(found.owner, native.volume);
  return native;
}

void SessionAccess::save(NativeTurn& native) { save(native.id, native.owner, native.turn, native.native); }

void SessionAccess::save(const std::string& id, const std::string& owner, Turn& turn, const NativeSession& native) {
  turn.keep(to_json(native));
  const std::lock_guard lock(mutex_);
  known_[id] = {owner, native, turn->session.model().name};
  constexpr std::size_t few = 64;
  if (known_.size() > few + 2 * services_.leases.count()) forget_ended();
}

void SessionAccess::forget_ended() {
  std::erase_if(known_, [this](const auto& known) {
    try {
      services_.leases.peek(known.first, known.second.owner);
      return false;
    } catch (const Error&) {
      return true;
    }
  });
}

void SessionAccess::forget(const std::string& id) {
  const std::lock_guard lock(mutex_);
  known_.erase(id);
}

/// Without waiting for a turn with it.
std::optional<SessionAccess::Known> SessionAccess::look_up(const std::string& id, const std::string& owner) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(id); found != known_.end()) return found->second;
  }
  SessionJournal* journal = services_.sessions.journal();
  if (journal == nullptr) return std::nullopt;
  const auto kept = journal->find(owned_key(owner, "lease " + id));
  if (!kept || !kept->about.contains("volume")) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const std::string& model = kept->model.empty() ? services_.sessions.model()->name : kept->model;
  return known_.emplace(id, Known{owner, parse_native_session(kept->about), model}).first->second;
}

std::uint64_t SessionAccess::revision(const http::Request& request) {
  const Found found = find(request);
  const auto known = look_up(found.id, found.owner);
  if (!known) throw_unknown();
  return known->native.revision;
}

Json SessionAccess::list(const Caller& caller) {
  Json list = Json::array();
  for (const std::string& id : services_.leases.tokens_of(caller.owner)) {
    const auto known = look_up(id, caller.owner);
    if (!known || known->native.address != caller.address) continue;
    const NativeSession* native = &known->native;
    Json segments = Json::array();
    for (const NativeSegment& s : native->segments) {
      segments.push_back({{"number", s.number}, {"name", s.name}, {"colour", colour_text(s.colour)}});
    }
    list.push_back({{"id", id},
                    {"volume", native->volume},
                    {"name", native->name},
                    {"series", native->series.empty() ? Json() : Json(native->series)},
                    {"created", native->created},
                    {"model", known->model},
                    {"model_available", services_.sessions.models().find(known->model) != nullptr},
                    {"shared", native->shared},
                    {"revision", native->revision},
                    {"segments", std::move(segments)}});
  }
  return list;
}

double voxel_ml(const Geometry& geometry) {
  return geometry.spacing_mm[0] * geometry.spacing_mm[1] * geometry.spacing_mm[2] / 1000;
}

Json describe_segment(const NativeTurn& native, const NativeSegment& segment) {
  const interact::SegmentSummary summary = native.session().describe_segment(segment.slot);
  const auto term = segment.term.empty() ? std::nullopt : terms::find_term(segment.term);
  return {{"number", segment.number},
          {"name", segment.name},
          {"colour", colour_text(segment.colour)},
          {"term", term ? term_json(*term) : Json()},
          {"voxels", summary.voxels},
          {"volume_ml", static_cast<double>(summary.voxels) * voxel_ml(native.native.geometry)},
          {"bounds", bounds_json(summary.bounds)},
          {"prompts", count_prompts(native.session().notes(segment.slot))},
          {"can_undo", summary.can_undo},
          {"can_redo", summary.can_redo},
          {"revision", segment.revision}};
}

Json describe_segments(const NativeTurn& native) {
  Json list = Json::array();
  for (const NativeSegment& segment : native.native.segments) list.push_back(describe_segment(native, segment));
  return list;
}

Json describe_session(const NativeTurn& native) {
  const NativeSession& s = native.native;
  return {{"id", native.id},
          {"volume", s.volume},
          {"name", s.name},
          {"series", s.series.empty() ? Json() : Json(s.series)},
          {"frame", s.frame ? Json(*s.frame) : Json()},
          {"model", native.session().model().name},
          {"auto_zoom", native.session().auto_zoom()},
          {"geometry", geometry_json(s.geometry)},
          {"shared", s.shared},
          {"revision", s.revision},
          {"created", s.created},
          {"segments", describe_segments(native)},
          {"prompts", describe_prompts(native.session().model().capabilities)}};
}

}  // namespace sagittal::server
