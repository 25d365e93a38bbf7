#include "server/dialects/monai_label.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "interact/normalised_image.h"
#include "io/image_io.h"
#include "io/nrrd.h"
#include "server/dialects/monai_datastore.h"
#include "server/dialects/monai_label_case.h"
#include "server/dialects/monai_label_forms.h"
#include "server/dialects/painted.h"
#include "server/http/multipart.h"
#include "server/http/query.h"
#include "server/state/client_key.h"
#include "server/state/prompt_metrics.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;

constexpr std::size_t kMaxLabels = 256;

/// The client shows the body of whatever is not 200.
Response detail(const Request&, const Error& error) {
  const bool over = error.code() == ErrorCode::gone;
  Response response =
      http::json_response(over ? 404 : describe(error.code()).http_status, {{"detail", std::string(error.what())}});
  if (error.code() == ErrorCode::unavailable) response.headers.push_back({"Retry-After", "10"});
  return response;
}

bool begins_with(const std::vector<Index3>& clicks, const std::vector<Index3>& known) {
  return known.size() <= clicks.size() && std::equal(known.begin(), known.end(), clicks.begin());
}

/// A session by its key, and how long it is safe from other clients.
struct Place {
  std::string key;
  std::chrono::seconds min_idle;
  std::string image = {};  ///< what the client calls it
};

class MonaiLabel {
 public:
  MonaiLabel(Sessions& sessions, Leases& leases, Metrics& metrics, const Studies& studies, SavedLabels& labels,
             http::Admit login)
      : sessions_(sessions),
        leases_(leases),
        metrics_(metrics),
        datastore_(studies, labels, read_options(sessions), sessions.cancel_token()),
        login_(std::move(login)) {}

  // ---- what there is

  Response info(const Request& request) {
    Json info = describe_monai_label(sessions_.models(), datastore_.offers_scans());
    info["datastore"] = datastore_.status(request.owner, names_of(request));
    return http::json_response(200, info);
  }

  Response auth(const Request&) { return http::json_response(200, {{"enabled", login_ != nullptr}}); }

  /// The password is the key, and the token that the client sends from then on.
  Response log_in(const Request& request) {
    if (!login_) throw Error(ErrorCode::conflict, "this server wants no login");
    const std::string key = http::Query(as_text(request.body.bytes())).one("password");
    Request head;
    head.method = "GET";
    head.remote_address = request.remote_address;
    head.headers = {{"Authorization", "Bearer " + key}};
    if (const auto refused = login_(head, nullptr).refusal) {
      const bool too_often = refused->status == 429;
      Response response =
          detail(request, Error(ErrorCode::unauthorized, too_often ? "too many wrong passwords; wait a minute"
                                                                   : "the password is no key of this server; "
                                                                     "`sagittal key add NAME` makes one"));
      response.status = refused->status;
      return response;
    }
    return http::json_response(200, {{"access_token", key}, {"token_type", "bearer"}});
  }

  Response valid(const Request&) { return http::json_response(200, Json::object()); }

  Response training(const Request&) { throw Error(ErrorCode::not_found, "no training is running"); }

  Response images(const Request& request) {
    const http::Query query(request.query);
    const bool all = query.has("output") && query.one("output") == "all";
    return http::json_response(200, all ? datastore_.objects(request.owner, names_of(request))
                                        : datastore_.status(request.owner, names_of(request)));
  }

  Response next_sample(const Request& request) {
    return http::json_response(200, datastore_.next_sample(request.owner));
  }

  Response image(const Request& request) { return datastore_.image(http::Query(request.query).one("image")); }

  Response save_label(const Request& request) {
    const auto parts = parse_parts(request);
    const http::Query query(request.query);
    return http::json_response(200, datastore_.put_label(request.owner, query.one("image"), optional(query, "tag"),
                                                         http::find_part(parts, "label"), params_of(parts)));
  }

  Response label(const Request& request) {
    const http::Query query(request.query);
    return datastore_.label(request.owner, query.one("label"), optional(query, "tag"));
  }

  // ---- images

  Response create_session(const Request& request) {
    const auto parts = parse_parts(request);
    const auto files = std::count_if(parts.begin(), parts.end(), [](const auto& part) { return part.name == "files"; });
    if (files > 1) {
      throw Error(ErrorCode::unsupported,
                  fmt::format("{} files, expected one image: .nii, .nii.gz, .nrrd or .mha", files));
    }
    const http::Part& file = http::find_part(parts, "files");
    const std::string id = leases_.claim(request.owner);
    try {
      set_image(leased(id, request.owner), read(file));
    } catch (...) {
      leases_.release(id, request.owner);
      throw;
    }
    return http::json_response(200, {{"session_id", id}, {"session_info", describe_session(file.filename)}});
  }

  Response find_session(const Request& request) {
    leases_.beat(request.path_value, request.owner);
    return http::json_response(200, describe_session(""));
  }

  Response remove_session(const Request& request) {
    leases_.beat(request.path_value, request.owner);  // Error(gone) where there is none
    leases_.release(request.path_value, request.owner);
    return http::json_response(200, describe_session(""));
  }

  Response add_image(const Request& request) {
    const auto parts = parse_parts(request);
    const http::Part& file = http::find_part(parts, "file");
    const http::Query query(request.query);
    const std::string image = query.has("image") ? query.one("image") : file.filename;
    if (image.empty()) throw Error(ErrorCode::bad_input, "the image has no name");
    set_image({image_key(request) + image, sessions_.limits().min_idle}, read(file));
    return http::json_response(200, {{"image", image}});
  }

  // ---- segments

  Response infer(const Request& request) {
    const auto parts = parse_parts(request);
    const auto part = [&](const char* name) {
      return std::find_if(parts.begin(), parts.end(), [&](const auto& p) { return p.name == name; });
    };
    const Json params = params_of(parts);
    const http::Query query(request.query);
    const MonaiResult how = parse_monai_result(params, optional(query, "output"));
    const Place place = place_of(request, query);
    const MonaiModel model = find_monai_model(sessions_.models(), request.path_value);
    if (part("file") != parts.end()) set_image(place, read(*part("file")));
    if (!model.scribbles) {
      const MonaiClicks clicks = parse_monai_clicks(params);
      return with_case(place, model.model, [&](ClientSession& client, MonaiCase& known) {
        const std::int64_t outside = click(request, client, known, clicks);
        return answer(how, place, client, known, clicks.label, {{"ignored_clicks", outside}});
      });
    }
    const MonaiScribbles scribbles = parse_monai_scribbles(params);
    if (part("label") == parts.end()) throw Error(ErrorCode::bad_input, "no label map with the strokes was sent");
    const Volume labels = read(*part("label"));
    return with_case(place, model.model, [&](ClientSession& client, MonaiCase& known) {
      scribble(request, client, known, scribbles, labels);
      return answer(how, place, client, known, scribbles.label, Json::object());
    });
  }

 private:
  static std::vector<http::Part> parse_parts(const Request& request) {
    return http::parse_multipart(request.body.bytes(), http::multipart_boundary(request.header("Content-Type")));
  }
  /// The form's field of that name as JSON.
  static Json params_of(const std::vector<http::Part>& parts) {
    const auto found = std::find_if(parts.begin(), parts.end(), [](const auto& part) { return part.name == "params"; });
    return found == parts.end() ? Json::object() : parse_json(as_text(found->content), "params");
  }
  static std::string optional(const http::Query& query, const char* name) {
    return query.has(name) ? query.one(name) : std::string();
  }

  /// What the keys of this client's images begin with.
  static std::string image_key(const Request& request) {
    return owned_key(request.owner, fmt::format("monai {} image ", client_key(request)));
  }
  std::vector<std::string> names_of(const Request& request) const {
    const std::string prefix = image_key(request);
    std::vector<std::string> names = sessions_.with_image(prefix);
    for (std::string& name : names) name.erase(0, prefix.size());
    return names;
  }
  static Json describe_session(const std::string& file) {
    return {{"name", file}, {"image", file}, {"path", ""}, {"meta", Json::object()}};
  }

  Place leased(const std::string& id, const std::string& owner) {
    return {leases_.use(id, owner)->session_key, leases_.limits().idle};
  }

  Place place_of(const Request& request, const http::Query& query) {
    if (query.has("session_id") && !query.one("session_id").empty()) {
      return leased(query.one("session_id"), request.owner);
    }
    const std::string image = optional(query, "image");
    return {image_key(request) + image, sessions_.limits().min_idle, image};
  }

  static io::ReadOptions read_options(Sessions& sessions) {
    io::ReadOptions options;
    options.max_bytes = sessions.limits().max_memory_bytes;
    options.pool = &sessions.pool();
    return options;
  }
  Volume read(const http::Part& file) const {
    return io::read_image(file.content, file.filename.empty() ? "the uploaded file" : file.filename,
                          read_options(sessions_));
  }

  void set_image(const Place& place, const Volume& image) {
    Turn turn = sessions_.begin(place.key, place.min_idle, sessions_.model());
    set_image(turn, place, image);
  }
  void set_image(Turn& turn, const Place& place, const Volume& image) {
    const std::int64_t count = image.geometry().voxel_count();
    const Index3& size = image.geometry().size;
    const Index3 shape{size[2], size[1], size[0]};
    sessions_.reserve_image(place.key, interact::image_bytes(image.type(), count) + static_cast<std::uint64_t>(count));
    const StoredVoxels voxels = store(image);
    turn.put_image(ImageEncoding::voxels, image.type(), shape, voxels.bytes);
    turn->session.set_image(shape, voxels);
    turn->bytes.forget();
    turn.keep(describe(MonaiCase{image.geometry()}));
  }

  /// The scan that the server itself has under that name.
  void bring_image(Turn& turn, const Place& place) {
    try {
      if (!place.image.empty()) return set_image(turn, place, datastore_.load(place.image).image);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::not_found) throw;
    }
    throw Error(ErrorCode::not_found, "this image is not on the server, or made room for another: upload it again");
  }

  /// Calls `act(client, case)` with the session its own; what it did is kept before it is answered. An image that
  /// another model worked on starts over: clients send all that counts with each request.
  template <class Act>
  Response with_case(const Place& place, const Models::Model& model, Act&& act) {
    Turn turn = sessions_.begin(place.key, place.min_idle, model);
    if (!turn->session.has_image()) bring_image(turn, place);
    MonaiCase known = parse_monai_case(turn->kept.about);
    if (turn.changed_model()) known.labels.clear();
    try {
      Response response = act(*turn, known);
      turn.keep(describe(known));
      return response;
    } catch (...) {
      turn->kept.about = describe(known);  // as far as it came, where no journal takes it back
      throw;
    }
  }

  /// Makes the label's segment the active one.
  static MonaiCase::Label& select(interact::Session& session, MonaiCase& known, const std::string& label) {
    const auto found = known.labels.find(label);
    if (found != known.labels.end()) {
      session.select_segment(found->second.segment);
      return found->second;
    }
    if (known.labels.size() >= kMaxLabels) {
      throw Error(ErrorCode::too_large, fmt::format("more than {} segments on one image", kMaxLabels));
    }
    const int segment = known.labels.empty() ? 0 : session.add_segment();
    return known.labels[label] = {segment, {}, {}};
  }

  interact::PromptOptions options(const Request& request, bool include, bool run_prediction = true) const {
    return {include, run_prediction, sessions_.control(request.gone)};
  }

  /// Brings the segment to where these clicks lead; how many lie outside the image.
  std::int64_t click(const Request& request, ClientSession& client, MonaiCase& known, MonaiClicks clicks) {
    interact::Session& session = client.session;
    const auto outside = [&](const Index3& at) {
      for (int axis = 0; axis < 3; ++axis) {
        if (at[axis] < 0 || at[axis] >= session.shape()[axis]) return true;
      }
      return false;
    };
    const std::size_t ignored = std::erase_if(clicks.foreground, outside) + std::erase_if(clicks.background, outside);
    MonaiCase::Label& label = select(session, known, clicks.label);
    client.bytes.forget();
    if (!begins_with(clicks.foreground, label.foreground) || !begins_with(clicks.background, label.background)) {
      session.reset();
      label.foreground.clear();
      label.background.clear();
    }
    add_new(request, session, label.foreground, clicks.foreground, true);
    add_new(request, session, label.background, clicks.background, false);
    session.forget_history();
    return static_cast<std::int64_t>(ignored);
  }

  void add_new(const Request& request, interact::Session& session, std::vector<Index3>& known,
               const std::vector<Index3>& clicks, bool include) {
    for (std::size_t n = known.size(); n < clicks.size(); ++n) {
      const std::array<double, 3> at{static_cast<double>(clicks[n][0]), static_cast<double>(clicks[n][1]),
                                     static_cast<double>(clicks[n][2])};
      metrics_.measure("point", [&] { return session.add_point(at, options(request, include)); });
      known.push_back(clicks[n]);
    }
  }

  /// Starts over from the segment as the viewer has it, with all strokes.
  void scribble(const Request& request, ClientSession& client, MonaiCase& known, const MonaiScribbles& scribbles,
                const Volume& labels) {
    if (labels.geometry().size != known.geometry.size) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("the label map has {} voxels, expected those of the image, {}",
                              describe_shape(labels.geometry().size), describe_shape(known.geometry.size)));
    }
    interact::Session& session = client.session;
    MonaiCase::Label& label = select(session, known, scribbles.label);
    client.bytes.forget();
    label.foreground.clear();
    label.background.clear();
    session.reset();
    const auto painted = [&](double value) {
      const std::vector<std::uint8_t> mask = voxels_equal_to(labels, value);
      return find_painted(ScalarType::u8, mask, session.shape(), Paint::ones, sessions_.pool());
    };
    const std::vector<std::uint8_t> before = voxels_equal_to(labels, scribbles.label_value);
    const bool starts_empty = std::find(before.begin(), before.end(), 1) == before.end();
    if (!starts_empty) session.add_initial_mask(before, options(request, true, false));
    const Painted in = painted(scribbles.foreground_value), out = painted(scribbles.background_value);
    const auto draw = [&](const Painted& stroke, bool include, bool last) {
      if (stroke.bounds.empty()) return;
      metrics_.measure("scribble", [&] {
        return session.add_scribble(stroke.bounds, stroke.voxels, options(request, include, last));
      });
    };
    draw(out, false, in.bounds.empty());
    draw(in, true, true);
    session.forget_history();
  }

  Response answer(const MonaiResult& how, const Place& place, ClientSession& client, MonaiCase& known,
                  const std::string& label, Json params) {
    params["label_names"] = {{label, 1}};
    if (!how.compressed) params["centroids"] = Json::object();  // OHIF lists what is in there
    if (how.only_json) return monai_answer(how, params, {});
    const Volume mask = make_volume<std::uint8_t>(known.geometry, client.session.mask());
    if (how.as_dicom_seg) return monai_answer(how, params, datastore_.dicom_seg(place.image, mask, label));
    if (!how.compressed)
      return monai_answer(how, params, io::encode_image(widen(mask, how.sixteen_bits), "nrrd", false));
    const std::string header = io::nrrd_header(mask, true, "");
    Bytes file(header.begin(), header.end());
    const Bytes voxels = client.bytes.update(client.session, whole(client.session.shape()), sessions_.pool());
    file.insert(file.end(), voxels.begin(), voxels.end());
    return monai_answer(how, params, std::move(file));
  }

  static Volume widen(const Volume& mask, bool sixteen_bits) {
    if (!sixteen_bits) return mask;
    const auto voxels = mask.as<std::uint8_t>();
    return make_volume<std::uint16_t>(mask.geometry(), std::vector<std::uint16_t>(voxels.begin(), voxels.end()));
  }

  Sessions& sessions_;
  Leases& leases_;
  PromptMetrics metrics_;
  const MonaiDatastore datastore_;
  const http::Admit login_;  // empty: nobody must log in
};

}  // namespace

std::vector<http::Route> monai_label_routes(Sessions& sessions, Leases& leases, Metrics& metrics,
                                            const Studies& studies, SavedLabels& labels, const UploadLimits& limits,
                                            http::Admit login) {
  using D = MonaiLabel;
  const auto dialect = std::make_shared<D>(sessions, leases, metrics, studies, labels, std::move(login));
  std::vector<http::Route> routes;
  const auto add = [&](const char* method, const char* path, const char* summary, http::RunOn run_on,
                       Response (D::*handler)(const Request&), std::uint64_t max_body = 0) -> http::Route& {
    http::Route row{.method = method, .path = path, .summary = summary};
    row.handler = [dialect, handler](const Request& request) { return ((*dialect).*handler)(request); };
    row.run_on = run_on;
    row.heavy = std::string_view(path).starts_with("/infer/");
    row.max_body_bytes = max_body;
    row.takes_prefix = true;
    row.on_error = detail;
    row.queue_key = [](const Request& head) { return "monai " + client_key(head); };
    return routes.emplace_back(std::move(row));
  };
  constexpr auto here = http::RunOn::network, worker = http::RunOn::worker;
  constexpr std::uint64_t some = std::uint64_t{1} << 20;
  const auto lists = [](const Request& head) { return "monai list " + client_key(head); };  // not behind predictions
  add("GET", "/info/", "What MONAI Label's clients are offered.", worker, &D::info).queue_key = lists;
  add("GET", "/auth/", "Whether MONAI Label's clients must log in.", here, &D::auth).open = true;
  add("POST", "/auth/token", "A login; the password is the key.", here, &D::log_in, some).open = true;
  add("GET", "/auth/token/valid", "Whether the key is good.", here, &D::valid);
  add("GET", "/train/", "404: no training is running.", here, &D::training);
  add("PUT", "/session/", "An image file as a session of one's own.", worker, &D::create_session,
      limits.max_image_bytes);
  add("GET", "/session/{id}", "Whether that session is there.", here, &D::find_session);
  add("DELETE", "/session/{id}", "Ends the session; it is forgotten.", worker, &D::remove_session);
  add("GET", "/datastore/", "The images that were uploaded by name; ?output=all.", worker, &D::images).queue_key =
      lists;
  for (const char* path : {"/datastore/", "/datastore/image"}) {
    add("PUT", path, "An image file; ?image=NAME.", worker, &D::add_image, limits.max_image_bytes);
  }
  add("GET", "/datastore/image", "A scan that the server offers, as NRRD; ?image=.", worker, &D::image);
  add("PUT", "/datastore/label", "A result to keep; ?image=&tag=.", worker, &D::save_label, limits.max_mask_bytes);
  add("GET", "/datastore/label", "A result that was kept; ?label=IMAGE&tag=.", worker, &D::label);
  add("POST", "/activelearning/{strategy}", "The next scan without a result.", worker, &D::next_sample, some)
      .queue_key = lists;
  add("POST", "/infer/{model}", "All clicks or strokes on a segment; ?image= or ?session_id=.", worker, &D::infer,
      limits.max_image_bytes);
  return routes;
}

}  // namespace sagittal::server
