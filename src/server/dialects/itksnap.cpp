#include "server/dialects/itksnap.h"

#include <algorithm>
#include <mutex>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/base64.h"
#include "interact/normalised_image.h"
#include "server/dialects/itksnap_arrays.h"
#include "server/dialects/painted.h"
#include "server/http/multipart.h"
#include "server/state/client_key.h"
#include "server/state/prompt_metrics.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;
using interact::Outcome;

constexpr const char* kModel = "nnInteractive";
constexpr const char* kVersion = "0.9.0";  // digits only; clients refuse what is older than they like
constexpr const char* kSessionOver =
    "this session is over: the server was restarted or needed its place; restart ITK-SNAP";

/// ITK-SNAP shows the body in a dialog.
Response one_line(const Request&, const Error& error) {
  constexpr std::size_t longest = 300;
  std::string text = error.code() == ErrorCode::gone ? kSessionOver : error.what();
  text.resize(std::min(text.size(), longest));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  Response response = http::text_response(describe(error.code()).http_status, "text/plain", text);
  if (error.code() == ErrorCode::unavailable) response.headers.push_back({"Retry-After", "10"});
  return response;
}

class ItkSnap {
 public:
  ItkSnap(Sessions& sessions, Leases& leases, Metrics& metrics)
      : sessions_(sessions), leases_(leases), metrics_(metrics) {}

  // ---- sessions

  Response status(const Request&) { return http::json_response(200, {{"status", "ok"}, {"version", kVersion}}); }

  Response models(const Request&) {
    const Json model = describe_itksnap_model(kModel, sessions_.model()->capabilities);
    return http::json_response(200, {{"models", Json::array({model})}});
  }

  Response start(const Request& request) {
    return http::json_response(200, {{"session_id", leases_.claim(request.owner)}});
  }

  Response start_with_model(const Request& request) {
    if (request.path_value == kModel) return start(request);
    throw Error(ErrorCode::not_found, fmt::format("there is no model {}, only {}", request.path_value, kModel));
  }

  /// Also for a session that is over already: ITK-SNAP ends on an error here.
  Response end(const Request& request) {
    leases_.release(request.path_value, request.owner);
    return http::json_response(200, {{"message", "Session ended"}});
  }

  // ---- image and prompts

  Response upload(const Request& request) {
    return with_turn(
        request,
        [&](Turn& turn, Lease& lease) {
          const auto parts = parse_parts(request);
          const Index3 shape = parse_itksnap_shape(as_text(http::find_part(parts, "metadata").content));
          const ByteView packed = http::find_part(parts, "file").content;
          Buffer voxels = unpack_itksnap_volume(packed, shape, sessions_.limits().max_memory_bytes, "image");
          const std::int64_t count = whole(shape).volume();
          const auto mask_bytes = static_cast<std::uint64_t>(count);
          sessions_.reserve_image(lease.session_key, interact::image_bytes(ScalarType::f32, count) + mask_bytes);
          turn.put_image(ImageEncoding::gzip, ScalarType::f32, shape, packed);
          turn->session.set_image(shape, store(ScalarType::f32, std::move(voxels)));
          turn->bytes.forget();
          lease.had_image = true;
          return http::json_response(200, {{"message", "Image received"}});
        },
        sessions_.model());
  }

  Response add_point(const Request& request) {
    return prompt(request, "point", [&](interact::Session& session) {
      return session.add_point(parse_itksnap_point(http::Query(request.query)), options(request));
    });
  }

  Response add_scribble(const Request& request) { return drawn(request, "scribble", &interact::Session::add_scribble); }
  Response add_lasso(const Request& request) { return drawn(request, "lasso", &interact::Session::add_lasso); }

  Response reset(const Request& request) {
    return with_session(request, [&](ClientSession& client, Lease& lease) {
      if (lease.had_image) {
        require_image(client, lease);
        client.bytes.forget();
        client.session.reset();
        client.session.forget_history();
      }
      return http::json_response(200, {{"status", "success"}});
    });
  }

 private:
  static std::vector<http::Part> parse_parts(const Request& request) {
    return http::parse_multipart(request.body.bytes(), http::multipart_boundary(request.header("Content-Type")));
  }

  static void require_image(const ClientSession& client, const Lease& lease) {
    if (client.session.has_image()) return;
    if (lease.had_image) throw Error(ErrorCode::gone, kSessionOver);
    throw Error(ErrorCode::conflict, "no image has been uploaded to this session");
  }

  interact::PromptOptions options(const Request& request) const {
    return {parse_itksnap_foreground(http::Query(request.query)), true, sessions_.control(request.gone)};
  }

  template <class Act>
  Response with_turn(const Request& request, Act&& act, const Models::Model& model = {}) {
    const auto lease = leases_.use(request.path_value, request.owner);
    return leases_.with_turn(
        *lease, [&](Turn& turn) { return act(turn, *lease); }, model);
  }

  template <class Act>
  Response with_session(const Request& request, Act&& act) {
    return with_turn(request, [&](Turn& turn, Lease& lease) { return act(*turn, lease); });
  }

  template <class Act>
  Response prompt(const Request& request, const char* type, Act&& act) {
    return with_session(request, [&](ClientSession& client, Lease& lease) {
      require_image(client, lease);
      ByteMask bytes = std::exchange(client.bytes, {});  // given back only when it is up to date
      const Outcome outcome = metrics_.measure(type, [&] { return act(client.session); });
      client.session.forget_history();  // undo is the client's own
      const std::string mask = encode_base64(bytes.update(client.session, outcome.difference, sessions_.pool()));
      client.bytes = std::move(bytes);
      return http::text_response(200, "application/json", fmt::format(R"({{"status":"success","result":"{}"}})", mask));
    });
  }

  Response drawn(const Request& request, const char* type,
                 Outcome (interact::Session::*add)(const Box&, std::span<const std::uint8_t>,
                                                   const interact::PromptOptions&)) {
    return prompt(request, type, [&](interact::Session& session) {
      const interact::PromptOptions how = options(request);
      const Painted painted = read_drawing(request, session.shape());
      return painted.bounds.empty() ? Outcome{} : (session.*add)(painted.bounds, painted.voxels, how);
    });
  }

  Painted read_drawing(const Request& request, const Index3& shape) {
    const auto parts = parse_parts(request);
    const Index3 found = parse_itksnap_shape(as_text(http::find_part(parts, "metadata").content));
    if (found != shape) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("the drawing has {} x {} x {} voxels, expected those of the image, {} x {} x {}",
                              found[2], found[1], found[0], shape[2], shape[1], shape[0]));
    }
    const Buffer values = unpack_itksnap_volume(http::find_part(parts, "file").content, shape,
                                                sessions_.limits().max_memory_bytes, "drawing");
    return find_painted(ScalarType::f32, {reinterpret_cast<const std::uint8_t*>(values.data()), values.size()}, shape,
                        Paint::nonzero, sessions_.pool());
  }

  Sessions& sessions_;
  Leases& leases_;
  PromptMetrics metrics_;
};

}  // namespace

std::vector<http::Route> itksnap_routes(Sessions& sessions, Leases& leases, Metrics& metrics,
                                        const UploadLimits& limits) {
  using D = ItkSnap;
  const auto dialect = std::make_shared<D>(sessions, leases, metrics);
  std::vector<http::Route> routes;
  const auto add = [&](const char* method, const char* path, const char* summary, http::RunOn run_on,
                       Response (D::*handler)(const Request&), std::uint64_t max_body = 0) {
    http::Route row{.method = method, .path = path, .summary = summary};
    row.handler = [dialect, handler](const Request& request) { return ((*dialect).*handler)(request); };
    row.run_on = run_on;
    row.max_body_bytes = max_body;
    row.on_error = one_line;
    row.queue_key = [](const Request& head) { return owned_key(head.owner, "lease " + head.path_value); };
    row.heavy = std::string_view(path).find("process_") != std::string_view::npos;
    routes.push_back(std::move(row));
  };
  constexpr auto here = http::RunOn::network, worker = http::RunOn::worker;
  add("GET", "/status", "Version of the protocol of itksnap-dls.", here, &D::status);
  add("GET", "/v2/models", "The model, and what it can be prompted with.", here, &D::models);
  add("GET", "/start_session", "A session of one's own.", here, &D::start);
  add("GET", "/v2/start_session/{model}", "A session with that model.", here, &D::start_with_model);
  for (const char* path : {"/upload_raw/{id}", "/v2/upload_raw/{id}"}) {
    add("POST", path, "A volume as multipart gzipped float32, x fastest; drops the prompts.", worker, &D::upload,
        limits.max_image_bytes);
  }
  for (const char* path : {"/process_point_interaction/{id}", "/v2/process_point_interaction/{id}"}) {
    add("GET", path, "A click: ?x=&y=&z= or ?point=x&point=y&point=z, and foreground=.", worker, &D::add_point);
  }
  add("POST", "/process_scribble_interaction/{id}", "A stroke as a volume; ?foreground=.", worker, &D::add_scribble,
      limits.max_mask_bytes);
  add("POST", "/process_lasso_interaction/{id}", "A filled outline as a volume; ?foreground=.", worker, &D::add_lasso,
      limits.max_mask_bytes);
  for (const char* path : {"/reset_interactions/{id}", "/v2/reset_interactions/{id}"}) {
    add("GET", path, "Starts the segment over.", worker, &D::reset);
  }
  for (const char* path : {"/end_session/{id}", "/v2/end_session/{id}"}) {
    add("GET", path, "Ends the session; it is forgotten.", worker, &D::end);
  }
  return routes;
}

}  // namespace sagittal::server
