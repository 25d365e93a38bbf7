#include "server/api/session_routes.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "interact/normalised_image.h"
#include "io/segmentation.h"
#include "server/api/forms.h"
#include "server/api/image_response.h"
#include "server/api/prompt_notes.h"
#include "server/api/route_table.h"
#include "server/api/segment_slot.h"
#include "server/api/session_image.h"
#include "volume/stored_voxels.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;

constexpr const char* kWhat = "request";

/// Sets what the body names; a term gives its name and colour where the body has none of its own.
void describe(NativeSegment& segment, const Json& body) {
  if (body.contains("term")) {
    segment.term.clear();
    if (!body["term"].is_null()) {
      const auto text = json_get<std::string>(body, "term", kWhat);
      const auto term = terms::find_term(text);
      if (!term) {
        throw Error(ErrorCode::bad_input,
                    fmt::format("\"term\": there is no term {}; GET /api/v1/terms?search= finds them", text));
      }
      segment.term = term->id;
      segment.name = term->name;
      segment.colour = term->colour;
    }
  }
  segment.name = checked_name(json_get_or<std::string>(body, "name", kWhat, segment.name));
  if (body.contains("colour")) segment.colour = parse_colour(json_get<std::string>(body, "colour", kWhat));
}

class SessionRoutes {
 public:
  explicit SessionRoutes(std::shared_ptr<SessionAccess> access) : access_(std::move(access)) {}

  // ---- sessions

  Response list(const Request& request) {
    return http::json_response(200, {{"sessions", access_->list(caller_of(request))}});
  }

  Response open(const Request& request) {
    const Json body = body_object(request);
    const ApiServices& services = access_->services();
    const Models::Model model = chosen_model(body);
    const bool auto_zoom = json_get_or<bool>(body, "auto_zoom", kWhat, true);
    const OpenVolume volume = services.volumes.open(request.owner, json_get<std::string>(body, "volume", kWhat));
    const std::string id = services.leases.claim(request.owner);
    try {
      return open(request, id, body, volume, model, auto_zoom);
    } catch (...) {
      services.leases.release(id, request.owner);
      throw;
    }
  }

  Response describe_one(const Request& request) {
    return access_->with_session(
        request, [&](NativeTurn& native) { return http::json_response(200, describe_session(native)); });
  }

  Response change(const Request& request) {
    const Json body = body_object(request);
    if (!body.contains("shared") && !body.contains("auto_zoom")) {
      throw Error(ErrorCode::bad_input, "request: neither \"shared\" nor \"auto_zoom\" is there to change");
    }
    return access_->with_session(request, [&](NativeTurn& native) {
      require_owner(native);
      native.native.shared = json_get_or<bool>(body, "shared", kWhat, native.native.shared);
      native.session().set_auto_zoom(json_get_or<bool>(body, "auto_zoom", kWhat, native.session().auto_zoom()));
      access_->save(native);
      if (body.contains("shared")) share(native, request.owner);
      return http::json_response(200, describe_session(native));
    });
  }

  Response close(const Request& request) {
    access_->require_owner(request);
    const std::string& id = request.path_values["id"];
    access_->publish(id, {{"type", "closed"}});
    access_->services().leases.release(id, request.owner);
    access_->forget(id);
    return no_content();
  }

  Response image(const Request& request) {
    const http::Query query(request.query);
    return access_->with_session(
        request, [&](NativeTurn& native) { return image_response(image_of(native, access_->services()), query); });
  }

  // ---- segments

  Response add_segment(const Request& request) {
    const Json body = body_object(request);
    return access_->with_session(request, [&](NativeTurn& native) {
      NativeSession& session = native.native;
      if (session.segments.size() >= kMaxSegments) {
        throw Error(ErrorCode::too_large, fmt::format("a session has at most {} segments", kMaxSegments));
      }
      NativeSegment segment{session.next_number,
                            session.free_slot(),
                            fmt::format("Segment {}", session.next_number),
                            io::default_colour(session.next_number),
                            {},
                            0};
      describe(segment, body);
      std::optional<interact::InitPrompt> mask;
      if (body.contains("mask")) mask = parse_initial_mask(body["mask"], native.session().shape());
      prepare_slot(native.session(), segment.slot);
      if (mask) {
        interact::PromptOptions options;
        options.note = note_of(*mask);
        interact::apply(native.session(), *mask, options);
      }
      segment.revision = ++session.revision;
      ++session.next_number;
      session.segments.push_back(segment);
      save_and_tell(native);
      return created(fmt::format("/api/v1/sessions/{}/segments/{}", native.id, segment.number),
                     describe_segment(native, segment));
    });
  }

  Response get_segment(const Request& request) {
    return access_->with_session(request, [&](NativeTurn& native) {
      return http::json_response(200, describe_segment(native, native.native.segment(number_in_path(request, "n"))));
    });
  }

  Response change_segment(const Request& request) {
    const Json body = body_object(request);
    return access_->with_session(request, [&](NativeTurn& native) {
      NativeSegment& segment = native.native.segment(number_in_path(request, "n"));
      describe(segment, body);
      segment.revision = ++native.native.revision;
      save_and_tell(native);
      return http::json_response(200, describe_segment(native, segment));
    });
  }

  Response remove_segment(const Request& request) {
    return access_->with_session(request, [&](NativeTurn& native) {
      const int number = native.native.segment(number_in_path(request, "n")).number;
      interact::Session& session = native.session();
      session.select_segment(native.native.segment(number).slot);
      session.reset();
      session.forget_history();
      std::erase_if(native.native.segments, [&](const auto& segment) { return segment.number == number; });
      ++native.native.revision;
      save_and_tell(native);
      return no_content();
    });
  }

 private:
  static Response no_content() {
    Response response;
    response.status = 204;
    return response;
  }

  void share(const NativeTurn& native, const std::string& owner) {
    access_->services().leases.share(native.id, native.native.shared);
    Events* const events = access_->services().events;
    if (events != nullptr && !native.native.shared) events->keep_only(native.id, owner);
  }

  Models::Model chosen_model(const Json& body) const {
    const Models& models = access_->services().sessions.models();
    if (!body.contains("model")) return models.first();
    const auto name = json_get<std::string>(body, "model", kWhat);
    Models::Model model = models.find(name);
    if (model) return model;
    throw Error(ErrorCode::not_found,
                fmt::format("there is no model {} here, only {}", name.substr(0, 100), models.names()));
  }

  void save_and_tell(NativeTurn& native) {
    access_->save(native);
    if (access_->has_listeners(native.id)) {
      access_->publish(native.id, {{"type", "segments"}, {"segments", describe_segments(native)}});
    }
  }

  Response open(const Request& request, const std::string& id, const Json& body, const OpenVolume& volume,
                const Models::Model& model, bool auto_zoom) {
    const ApiServices& services = access_->services();
    NativeSession native;
    native.volume = volume.info.id;
    native.name = volume.info.name;
    native.series = json_get_or<std::string>(body, "series", kWhat, "");
    if (body.contains("frame")) native.frame = json_get<std::int64_t>(body, "frame", kWhat);
    native.created = timestamp();
    native.address = caller_of(request).address;
    io::ReadOptions options = services.volumes.read_options();
    options.series_uid = native.series;
    options.frame = native.frame;
    const auto lease = services.leases.use(id, request.owner);
    Turn turn = services.sessions.begin(lease->session_key, services.leases.limits().idle, model);
    const Volume image = io::read_image(volume.bytes, volume.info.name, options);
    native.geometry = image.geometry();
    const Index3& size = native.geometry.size;
    const Index3 shape{size[2], size[1], size[0]};
    services.sessions.reserve_image(lease->session_key,
                                    interact::image_bytes(image.type(), native.geometry.voxel_count()));
    turn.use_image({volume.kept, ImageEncoding::file, image.type(), shape, native.series, native.frame});
    turn->session.set_image(shape, store(image));
    turn->session.set_auto_zoom(auto_zoom);
    if (services.sessions.journal() == nullptr) {
      turn->note = SessionImage{image, dicom_source_of(volume.bytes, options)};
    }
    access_->save(id, request.owner, turn, native);
    const NativeTurn opened{id, turn, native};
    return created("/api/v1/sessions/" + id, describe_session(opened));
  }

  const std::shared_ptr<SessionAccess> access_;
};

}  // namespace

std::vector<http::Route> session_routes(const std::shared_ptr<SessionAccess>& access) {
  using S = SessionRoutes;
  const auto sessions = std::make_shared<S>(access);
  RouteTable table;
  const auto add = [&](const char* method, const std::string& path, const char* summary,
                       Response (S::*handler)(const Request&)) -> http::Route& {
    return table.add(method, path, summary,
                     [sessions, handler](const Request& request) { return ((*sessions).*handler)(request); });
  };
  const auto add_in_turn = [&](const char* method, const std::string& path, const char* summary, std::uint64_t body,
                               Response (S::*handler)(const Request&), RouteDoc doc) -> http::Route& {
    http::Route& route = in_turn(add(method, path, summary, handler), "id");
    route.max_body_bytes = body;
    return server::describe(route, std::move(doc));
  };
  http::Route& list = add("GET", "/sessions", "The caller's sessions.", &S::list);
  list.run_on = http::RunOn::worker;
  server::describe(list, {.answers = {json_answer("Sessions")}});
  http::Route& open = add("POST", "/sessions", "Opens a session on an uploaded image.", &S::open);
  open.run_on = http::RunOn::worker;
  open.max_body_bytes = kMaxFormBytes;
  server::describe(open, {.request = {{"SessionRequest"}}, .answers = {json_answer("Session", 201)}});
  const std::string one = "/sessions/{id}", segment = one + "/segments/{n}";
  const std::uint64_t mask = std::min(access->services().limits.max_mask_bytes, kMaxMaskForm);
  const RouteDoc::Answer gone = empty_answer(204, "It is gone.");
  add_in_turn("GET", one, "Describes a session and its segments.", 0, &S::describe_one,
              {.answers = {json_answer("Session")}});
  add_in_turn("PATCH", one, "Changes whether others may use the session, or how it predicts.", kMaxFormBytes,
              &S::change, {.request = {{"SessionChange"}}, .answers = {json_answer("Session")}});
  add_in_turn("DELETE", one, "Ends the session; nothing of it is kept.", 0, &S::close, {.answers = {gone}}).on_body =
      [access](Request& r) {
        access->require(r);
        access->predictions().drop(r.path_values["id"]);
        return std::optional<Response>();
      };
  add_in_turn(
      "GET", one + "/voxels", "The session's image as NIfTI, for display.", 0, &S::image,
      {.query = {{"format", "string", "nii or nii.gz."}}, .answers = {file_answer("application/octet-stream")}});
  add_in_turn("POST", one + "/segments", "Adds a segment, empty or with a mask.", mask, &S::add_segment,
              {.request = {{"SegmentRequest"}}, .answers = {json_answer("Segment", 201)}});
  add_in_turn("GET", segment, "Describes a segment.", 0, &S::get_segment, {.answers = {json_answer("Segment")}});
  add_in_turn("PATCH", segment, "Changes a segment's name, colour or term.", kMaxFormBytes, &S::change_segment,
              {.request = {{"SegmentRequest"}}, .answers = {json_answer("Segment")}});
  add_in_turn("DELETE", segment, "Removes a segment.", 0, &S::remove_segment, {.answers = {gone}}).on_body =
      [access](Request& r) {
        access->require(r);
        access->predictions().stop(r.path_values["id"], number_in_path(r, "n"), Predictions::Stop::dropped);
        return std::optional<Response>();
      };
  return table.take();
}

}  // namespace sagittal::server
