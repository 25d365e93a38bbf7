#include "server/dialects/nninteractive_v2.h"

#include <array>
#include <mutex>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "interact/normalised_image.h"
#include "io/nnia.h"
#include "server/dialects/nninteractive_v2_arrays.h"
#include "server/state/client_key.h"
#include "server/state/prompt_metrics.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;
using interact::Outcome;

constexpr std::uint64_t kMaxJsonBytes = std::uint64_t{64} << 10;
constexpr const char* kMeta = "X-Meta";
constexpr const char* kLease = "X-Lease-Token";

/// The original knows two kinds of failure of a prompt: the lease is over, or the request does not fit.
Response detail(const Request&, const Error& error) {
  int status = describe(error.code()).http_status;
  if (error.code() == ErrorCode::conflict || error.code() == ErrorCode::unsupported) status = 400;
  Response response = http::json_response(status, {{"detail", error.what()}});
  if (error.code() == ErrorCode::unavailable) response.headers.push_back({"Retry-After", "10"});
  return response;
}

std::string token_of(const Request& request) { return std::string(request.header(kLease)); }

Json object_of(std::string_view text, const char* what) {
  Json object = text.empty() ? Json::object() : parse_json(text, what);
  if (!object.is_object()) throw Error(ErrorCode::bad_input, fmt::format("{}: expected a JSON object", what));
  return object;
}
Json body_of(const Request& request) { return object_of(as_text(request.body.bytes()), "request"); }
Json meta_of(const Request& request) { return object_of(request.header(kMeta), kMeta); }

bool flag(const Json& object, const char* key, bool fallback) { return json_get_or(object, key, "request", fallback); }

class NnInteractiveV2 {
 public:
  NnInteractiveV2(Sessions& sessions, Leases& leases, Metrics& metrics, const UploadLimits& limits)
      : sessions_(sessions), leases_(leases), metrics_(metrics), limits_(limits) {}

  // ---- leases

  Response claim(const Request& request) {
    const LeaseLimits& limits = leases_.limits();
    return http::json_response(200, {{"lease_token", leases_.claim(request.owner)},
                                     {"idle_timeout_seconds", static_cast<double>(limits.idle.count())},
                                     {"liveness_timeout_seconds", static_cast<double>(limits.liveness.count())},
                                     {"max_sessions", limits.max_leases}});
  }

  Response release(const Request& request) {
    leases_.release(token_of(request), request.owner);
    return http::json_response(200, {{"released", true}});
  }

  Response heartbeat(const Request& request) {
    return http::json_response(200, {{"remaining_seconds", leases_.beat(token_of(request), request.owner)}});
  }

  Response lease_status(const Request& request) {
    return http::json_response(200, {{"remaining_seconds", leases_.peek(token_of(request), request.owner)},
                                     {"idle_timeout_seconds", static_cast<double>(leases_.limits().idle.count())}});
  }

  Response capabilities(const Request&) { return http::json_response(200, describe_capabilities(*sessions_.model())); }

  // ---- image and settings

  Response set_image(const Request& request) {
    return with_turn(
        request,
        [&](Turn& turn, Lease& lease) {
          meta_of(request);  // spacing: the rules do not use it
          const std::uint64_t room = std::min(limits_.max_image_bytes, sessions_.limits().max_memory_bytes);
          io::NpyArray array = io::read_nnia(request.body.bytes(), room, "image", sessions_.pool());
          const Index3 shape = image_shape(array.shape);
          sessions_.reserve_image(lease.session_key, interact::image_bytes(array.type, whole(shape).volume()));
          turn.put_image(ImageEncoding::nnia, array.type, shape, request.body.bytes());
          turn->session.set_image(shape, store(array.type, std::move(array.data)));
          lease.had_image = true;
          return http::json_response(200, {{"original_image_shape", {1, shape[0], shape[1], shape[2]}}});
        },
        sessions_.model());
  }

  Response set_target_buffer(const Request& request) {
    return with_session(request, [&](ClientSession& client, Lease& lease) {
      const Target target = parse_target(body_of(request));
      if (client.session.has_image() && target.shape != client.session.shape()) {
        throw Error(ErrorCode::bad_input,
                    fmt::format("the target buffer's shape is {}, expected that of the image, {}",
                                describe_shape(target.shape), describe_shape(client.session.shape())));
      }
      lease.target_type = target.type;
      lease.target_is_bool = target.is_bool;
      return http::json_response(200, Json::object());
    });
  }

  Response set_do_autozoom(const Request& request) {
    return with_session(request, [&](ClientSession& client, Lease&) {
      client.session.set_auto_zoom(json_get<bool>(body_of(request), "do_autozoom", "request"));
      return http::json_response(200, Json::object());
    });
  }

  /// Clients reset where a segment ends and another begins: what was before is none of the next one's undo.
  Response reset_interactions(const Request& request) {
    return with_session(request, [&](ClientSession& client, Lease&) {
      if (client.session.has_image()) {
        client.session.reset();
        client.session.forget_history();
      }
      return http::json_response(200, Json::object());
    });
  }

  // ---- prompts

  Response undo(const Request& request) {
    return with_session(request, [&](ClientSession& client, Lease& lease) {
      return answer(client.session, lease, client.session.undo());
    });
  }

  Response predict(const Request& request) {
    return prompt(request, "predict", [&](interact::Session& session) {
      return session.predict(flag(body_of(request), "force_full_refine", false), options(request, true, true));
    });
  }

  Response add_point(const Request& request) {
    return prompt(request, "point", [&](interact::Session& session) {
      const Json object = body_of(request);
      const auto position = parse_coordinates(object);
      if (!lies_inside(position, session.shape())) return Outcome{};  // clicks beside the scan mean nothing
      return session.add_point(position, options(request, object, true));
    });
  }

  Response add_box(const Request& request) {
    return prompt(request, "box", [&](interact::Session& session) {
      const Json object = body_of(request);
      const auto [lo, hi] = parse_corners(object);
      return session.add_box(lo, hi, options(request, object, true));
    });
  }

  Response add_scribble(const Request& request) {
    return painted(request, "scribble", &interact::Session::add_scribble);
  }
  Response add_lasso(const Request& request) { return painted(request, "lasso", &interact::Session::add_lasso); }

  Response add_initial_mask(const Request& request) {
    return prompt(request, "initial", [&](interact::Session& session) {
      const Json meta = meta_of(request);
      const Painting painting = read_painting(request, Json(), session.shape());
      return session.add_initial_mask(painting.voxels(), options(request, meta, false));
    });
  }

 private:
  interact::PromptOptions options(const Request& request, bool include, bool run) const {
    return {include, run, sessions_.control(request.gone)};
  }
  interact::PromptOptions options(const Request& request, const Json& object, bool run_by_default) const {
    const bool include = object.contains("include_interaction") || run_by_default
                             ? json_get<bool>(object, "include_interaction", "request")
                             : true;
    return options(request, include, flag(object, "run_prediction", run_by_default));
  }

  template <class Act>
  Response with_turn(const Request& request, Act&& act, const Models::Model& model = {}) {
    const std::string token = token_of(request);
    const auto lease = leases_.use(token, request.owner);
    return leases_.with_turn(
        *lease,
        [&](Turn& turn) {
          if (lease->had_image && !turn->session.has_image()) {
            leases_.release(token, request.owner);
            throw Error(ErrorCode::gone, "the session was ended to make room for others");
          }
          return act(turn, *lease);
        },
        model);
  }

  template <class Act>
  Response with_session(const Request& request, Act&& act) {
    return with_turn(request, [&](Turn& turn, Lease& lease) { return act(*turn, lease); });
  }

  template <class Act>
  Response prompt(const Request& request, const char* type, Act&& act) {
    return with_session(request, [&](ClientSession& client, Lease& lease) {
      client.session.shape();  // a conflict where there is no image, before anything is read
      const Outcome outcome = metrics_.measure(type, [&] { return act(client.session); });
      return answer(client.session, lease, outcome);
    });
  }

  Response painted(const Request& request, const char* type,
                   Outcome (interact::Session::*add)(const Box&, std::span<const std::uint8_t>,
                                                     const interact::PromptOptions&)) {
    return prompt(request, type, [&](interact::Session& session) {
      const Json meta = meta_of(request);
      const Painting painting = read_painting(request, meta, session.shape());
      return (session.*add)(painting.bounds, painting.voxels(), options(request, meta, true));
    });
  }

  Painting read_painting(const Request& request, const Json& meta, const Index3& shape) {
    const Box bounds = parse_bounds(meta, shape);
    const auto most = static_cast<std::size_t>(bounds.volume()) * sizeof(double);
    return to_painting(io::read_nnia(request.body.bytes(), most, "mask", sessions_.pool()), bounds);
  }

  Response answer(const interact::Session& session, const Lease& lease, const Outcome& outcome) {
    Json meta{{"ran_prediction", outcome.ran_prediction}, {"bbox", nullptr}};
    Bytes body;
    if (outcome.ran_prediction && !outcome.changed.empty()) {
      const Box& box = outcome.changed;
      const Index3 size = box.size();
      meta["bbox"] = {{box.lo[0], box.hi[0]}, {box.lo[1], box.hi[1]}, {box.lo[2], box.hi[2]}};
      meta["dtype"] = lease.target_is_bool ? "bool" : name_of(lease.target_type);
      meta["shape"] = size;
      Buffer mask(static_cast<std::size_t>(box.volume()));
      session.copy_mask(session.active_segment(), box, mask.as<std::uint8_t>());
      const Buffer values = widen(std::move(mask), lease.target_type);
      body = io::write_nnia(lease.target_type, lease.target_is_bool, size, {values.data(), values.size()},
                            sessions_.pool());
    }
    Response response = http::make_response(200, "application/octet-stream", std::move(body));
    response.headers.push_back({kMeta, meta.dump()});
    return response;
  }

  Sessions& sessions_;
  Leases& leases_;
  PromptMetrics metrics_;
  const UploadLimits limits_;
};

/// Paths that other dialects have as well are told apart by what this one's client always sends.
bool is_of_this_dialect(const Request& head) {
  return !head.header(kLease).empty() || !head.header(kMeta).empty() ||
         head.header("Content-Type") == "application/octet-stream" ||
         head.header("User-Agent").starts_with("python-httpx/");
}

}  // namespace

std::vector<http::Route> nninteractive_v2_routes(Sessions& sessions, Leases& leases, Metrics& metrics,
                                                 const UploadLimits& limits) {
  using D = NnInteractiveV2;
  const auto dialect = std::make_shared<D>(sessions, leases, metrics, limits);
  std::vector<http::Route> routes;
  const auto add = [&](const char* method, const char* path, const char* summary, http::RunOn run_on,
                       std::uint64_t max_body, Response (D::*handler)(const Request&)) -> http::Route& {
    http::Route row{.method = method, .path = path, .summary = summary};
    row.handler = [dialect, handler](const Request& request) { return ((*dialect).*handler)(request); };
    row.run_on = run_on;
    row.max_body_bytes = max_body;
    row.takes_prefix = true;
    row.on_error = detail;
    row.queue_key = [](const Request& head) { return owned_key(head.owner, "lease " + token_of(head)); };
    const std::string_view name(path);
    row.heavy = name == "/predict" || (name.starts_with("/add_") && name.ends_with("_interaction"));
    return routes.emplace_back(std::move(row));
  };
  constexpr auto here = http::RunOn::network, worker = http::RunOn::worker;
  const std::uint64_t image = limits.max_image_bytes, mask = limits.max_mask_bytes;
  add("POST", "/claim", "A lease for a session of one's own.", here, kMaxJsonBytes, &D::claim);
  add("POST", "/release", "Ends the lease; its session is forgotten.", worker, kMaxJsonBytes, &D::release);
  add("POST", "/heartbeat", "The client lives.", here, kMaxJsonBytes, &D::heartbeat);
  add("GET", "/lease_status", "Seconds until the lease counts as idle.", here, 0, &D::lease_status);
  add("GET", "/capabilities", "What the model can be prompted with.", here, 0, &D::capabilities);
  add("POST", "/set_image", "The volume [1, k, j, i] as a packed array.", worker, image, &D::set_image);
  add("POST", "/set_target_buffer", "Shape and type of the client's mask.", worker, kMaxJsonBytes,
      &D::set_target_buffer);
  add("POST", "/set_do_autozoom", "Whether large objects are looked at from afar.", worker, kMaxJsonBytes,
      &D::set_do_autozoom);
  add("POST", "/reset_interactions", "Starts the segment over.", worker, kMaxJsonBytes, &D::reset_interactions);
  add("POST", "/undo", "Takes the last prompt back.", worker, kMaxJsonBytes, &D::undo);
  add("POST", "/predict", "Predicts from prompts that were only recorded.", worker, kMaxJsonBytes, &D::predict);
  add("POST", "/add_initial_seg_interaction", "A mask to start from.", worker, mask, &D::add_initial_mask);
  add("POST", "/add_point_interaction", R"(A click: {"coordinates":[k,j,i],"include_interaction":true}.)", worker,
      kMaxJsonBytes, &D::add_point)
      .accepts = is_of_this_dialect;
  add("POST", "/add_bbox_interaction", "A box: three half-open ranges.", worker, kMaxJsonBytes, &D::add_box).accepts =
      is_of_this_dialect;
  add("POST", "/add_scribble_interaction", "A stroke as a packed array.", worker, mask, &D::add_scribble).accepts =
      is_of_this_dialect;
  add("POST", "/add_lasso_interaction", "A filled outline as a packed array.", worker, mask, &D::add_lasso).accepts =
      is_of_this_dialect;
  return routes;
}

}  // namespace sagittal::server
