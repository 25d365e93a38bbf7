#include "server/dialects/slicer_v0.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <mutex>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "interact/normalised_image.h"
#include "io/gzip.h"
#include "server/dialects/slicer_v0_arrays.h"
#include "server/http/multipart.h"
#include "server/state/client_key.h"
#include "server/state/prompt_metrics.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;

constexpr std::uint64_t kMaxJsonBytes = std::uint64_t{64} << 10;

Response ok() { return http::json_response(200, {{"status", "ok"}}); }

Response status_error(std::string_view message) {
  return http::json_response(200, {{"status", "error"}, {"message", message}});
}

/// The extension uploads its image and mask when it reads this text, then repeats its request.
Response ask_for_image() { return status_error("No image uploaded"); }

/// The reference takes these words in any case; everything else is False.
bool parse_flag(std::string_view text) {
  return http::equal_ignoring_case(text, "true") || text == "1" || http::equal_ignoring_case(text, "yes");
}

bool parse_flag(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found != object.end() && found->is_string()) return parse_flag(found->get<std::string>());
  if (found != object.end() && found->is_number_integer()) return found->get<std::int64_t>() != 0;
  return json_get<bool>(object, key, "request");
}

std::vector<http::Part> parse_parts(const Request& request) {
  return http::parse_multipart(request.body.bytes(), http::multipart_boundary(request.header("Content-Type")));
}

Json parse_object(const Request& request) {
  Json object = parse_json(as_text(request.body.bytes()), "request");
  if (!object.is_object()) throw Error(ErrorCode::bad_input, "request: expected a JSON object");
  return object;
}

/// Bodies of requests that were answered with "No image uploaded". The extension repeats a lasso or scribble with the
/// same boundary and length, but without a single byte of the body, and waits.
class RecentBodies {
 public:
  void keep(const std::string& name, const http::Body& body) {
    if (body.size() > kMaxBytes) return;
    const std::lock_guard lock(mutex_);
    forget_old();
    if (kept_.size() == kMaxKept) kept_.pop_front();
    kept_.push_back({name, body, Clock::now()});
  }
  std::optional<http::Body> take(const std::string& name) {
    const std::lock_guard lock(mutex_);
    forget_old();
    const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) { return kept.name == name; });
    if (found == kept_.end()) return std::nullopt;
    std::optional<http::Body> body = std::move(found->body);
    kept_.erase(found);
    return body;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kMaxKept = 16;
  static constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
  static constexpr std::chrono::minutes kMaxAge{10};  // between the two the image is uploaded

  struct Kept {
    std::string name;
    http::Body body;
    Clock::time_point since;
  };
  void forget_old() {
    while (!kept_.empty() && Clock::now() - kept_.front().since > kMaxAge) kept_.pop_front();
  }

  std::mutex mutex_;
  std::deque<Kept> kept_;
};

class SlicerV0 {
 public:
  SlicerV0(Sessions& sessions, Metrics& metrics) : sessions_(sessions), metrics_(metrics) {}

  // ---- uploads

  Response upload_image(const Request& request) {
    const auto parts = parse_parts(request);
    NpyFile file(http::find_part(parts, "file").content, "image");
    const std::string key = client_key(request);
    Turn turn = sessions_.begin(key, sessions_.limits().min_idle, sessions_.model());
    try {
      const Index3 shape = image_shape(file.view());
      const ScalarType type = file.view().type;
      sessions_.reserve_image(key, interact::image_bytes(type, whole(shape).volume()));
      turn.put_image(ImageEncoding::voxels, type, shape, file.view().bytes);
      turn->session.set_image(shape, std::move(file).release(request.body.keep()));
      turn->packed.forget();
      turn->upload.succeeded();
      turn.keep();
    } catch (const Error& error) {
      note_failed_upload(*turn, error);  // the extension shows this image from now on, whatever we answer
      throw;
    }
    return ok();
  }

  Response upload_segment(const Request& request) {
    Turn turn = sessions_.begin(client_key(request));
    if (!turn->has_image()) return without_image(*turn, false);
    interact::Session& session = turn->session;
    const auto parts = parse_parts(request);
    const NpyFile mask = read_mask_file(http::find_part(parts, "file").content, session.shape());
    const Buffer voxels = to_whole_mask(mask.view(), sessions_.pool());
    turn->packed.forget();
    if (voxels.size() == 0) {
      session.reset();
    } else {
      session.add_initial_mask(voxels.as<std::uint8_t>(),
                               {.include = true, .run_prediction = false, .control = sessions_.control(request.gone)});
    }
    turn.keep();
    return ok();
  }

  // ---- prompts

  Response add_point(const Request& request) {
    return prompt(request, "point", [&](interact::Session& session) {
      const Json object = parse_object(request);
      return session.add_point(parse_coordinate(object, "voxel_coord"),
                               options(request, parse_flag(object, "positive_click")));
    });
  }

  Response add_box(const Request& request) {
    return prompt(request, "box", [&](interact::Session& session) {
      const Json object = parse_object(request);
      const Box box =
          parse_box(parse_coordinate(object, "outer_point_one"), parse_coordinate(object, "outer_point_two"),
                    session.shape(), !session.model().capabilities.supports_bbox3d);
      const auto corner = [](const Index3& index) {
        return std::array<double, 3>{static_cast<double>(index[0]), static_cast<double>(index[1]),
                                     static_cast<double>(index[2])};
      };
      return session.add_box(corner(box.lo), corner(box.hi), options(request, parse_flag(object, "positive_click")));
    });
  }

  Response add_lasso(const Request& request) {
    return prompt(request, "lasso", [&](interact::Session& session) {
      const auto [painted, include] = parse_drawing(request, session, Paint::nonzero);
      return session.add_lasso(painted.bounds, painted.voxels, options(request, include));
    });
  }

  Response add_scribble(const Request& request) {
    return prompt(request, "scribble", [&](interact::Session& session) {
      const auto [painted, include] = parse_drawing(request, session, Paint::ones);
      return session.add_scribble(painted.bounds, painted.voxels, options(request, include));
    });
  }

  // ---- beside the handlers

  Response upload_failed(const Request& request, const Error& error) {
    const std::string key = client_key(request);
    try {
      // Bytes that the extension cannot have sent do not count: its image is still the one that is here.
      const bool counts = error.code() != ErrorCode::bad_input && error.code() != ErrorCode::unauthorized;
      if (counts) note_failed_upload(*sessions_.get(key), error);
      sessions_.keep_note(key);
    } catch (const Error&) {
      // No place for this client: there is no image to lose either. Or the disk fails: it says that the upload goes on.
    }
    return status_error(error.what());
  }

  void upload_begins(const Request& head) { sessions_.note_upload_begins(client_key(head)); }
  std::optional<http::Body> recall(const Request& head) { return recent_.take(body_name(head)); }

 private:
  static void note_failed_upload(ClientSession& client, const Error& error) {
    const bool lasting = error.code() == ErrorCode::bad_input || error.code() == ErrorCode::unsupported ||
                         error.code() == ErrorCode::too_large;
    client.upload.failed(fmt::format("the current volume is not on the server: {}", error.what()), lasting);
  }

  Response without_image(ClientSession& client, bool last_of_click) {
    const std::string refusal = client.upload.refusal(last_of_click);
    return refusal.empty() ? ask_for_image() : status_error(refusal);
  }

  static std::string body_name(const Request& head) {
    const std::string boundary = http::multipart_boundary(head.header("Content-Type"));
    return boundary.empty() ? std::string() : fmt::format("{} {} {}", boundary, head.path, client_key(head));
  }

  interact::PromptOptions options(const Request& request, bool include) const {
    return {include, true, sessions_.control(request.gone)};
  }

  static std::pair<Painted, bool> parse_drawing(const Request& request, const interact::Session& session, Paint paint,
                                                ThreadPool& pool) {
    const auto parts = parse_parts(request);
    const bool include = parse_flag(as_text(http::find_part(parts, "positive_click").content));
    const NpyFile mask = read_mask_file(http::find_part(parts, "file").content, session.shape());
    Painted painted = find_painted(mask.view(), paint, pool);
    if (painted.bounds.empty()) {
      throw Error(ErrorCode::bad_input, "nothing new is painted in this drawing; draw where no earlier stroke is");
    }
    return {std::move(painted), include};
  }
  std::pair<Painted, bool> parse_drawing(const Request& request, const interact::Session& session, Paint paint) {
    return parse_drawing(request, session, paint, sessions_.pool());
  }

  template <class Act>
  Response prompt(const Request& request, const char* type, Act&& act) {
    Turn turn = sessions_.begin(client_key(request));
    if (!turn->has_image()) {
      Response response = without_image(*turn, true);
      if (const std::string name = body_name(request); !name.empty()) recent_.keep(name, request.body);
      return response;
    }
    PackedMask packed = std::exchange(turn->packed, {});  // given back only when it is up to date
    const interact::Outcome outcome = metrics_.measure(type, [&] { return act(turn->session); });
    Response response = http::make_response(200, "application/octet-stream",
                                            packed.update(turn->session, outcome.difference, sessions_.pool()));
    turn->packed = std::move(packed);
    turn.keep();
    response.headers.push_back({"Content-Encoding", "gzip"});
    return response;
  }

  Sessions& sessions_;
  PromptMetrics metrics_;
  RecentBodies recent_;
};

}  // namespace

std::vector<http::Route> slicer_v0_routes(Sessions& sessions, Metrics& metrics, const UploadLimits& limits) {
  const auto dialect = std::make_shared<SlicerV0>(sessions, metrics);
  const auto route = [&](const char* path, const char* summary, std::uint64_t max_body,
                         Response (SlicerV0::*handler)(const Request&)) {
    http::Route row{.method = "POST", .path = path, .summary = summary};
    row.handler = [dialect, handler](const Request& request) { return ((*dialect).*handler)(request); };
    row.run_on = http::RunOn::worker;
    row.max_body_bytes = max_body;
    row.takes_prefix = true;
    row.on_error = [](const Request&, const Error& error) { return status_error(error.what()); };
    row.queue_key = client_key;
    return row;
  };
  std::vector<http::Route> routes{
      route("/upload_image", "A volume as multipart .npy [k, j, i]; drops the prompts.", limits.max_image_bytes,
            &SlicerV0::upload_image),
      route("/upload_segment", "The current mask as multipart gzipped .npy; all zero starts over.",
            limits.max_mask_bytes, &SlicerV0::upload_segment),
      route("/add_point_interaction", R"(A click: {"voxel_coord":[k,j,i],"positive_click":true}.)", kMaxJsonBytes,
            &SlicerV0::add_point),
      route("/add_bbox_interaction", "A box in one slice: two inclusive, unordered corners [k, j, i].", kMaxJsonBytes,
            &SlicerV0::add_box),
      route("/add_lasso_interaction", "A filled outline as multipart gzipped .npy, and the text positive_click.",
            limits.max_mask_bytes, &SlicerV0::add_lasso),
      route("/add_scribble_interaction", "A stroke, value 1 of a multipart gzipped .npy, and the text positive_click.",
            limits.max_mask_bytes, &SlicerV0::add_scribble)};
  for (std::size_t prompt : {2, 3, 4, 5}) routes[prompt].heavy = true;
  routes[0].on_error = [dialect](const Request& request, const Error& error) {
    return dialect->upload_failed(request, error);
  };
  routes[0].on_head = [dialect](const Request& head) { dialect->upload_begins(head); };
  for (std::size_t drawing : {4, 5}) {
    routes[drawing].recall_body = [dialect](const Request& head) { return dialect->recall(head); };
  }
  return routes;
}

}  // namespace sagittal::server
