#include "server/api/prompt_routes.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/error.h"
#include "server/api/forms.h"
#include "server/api/image_response.h"
#include "server/api/mask_event.h"
#include "server/api/prediction_events.h"
#include "server/api/prompt_notes.h"
#include "server/api/results.h"
#include "server/api/route_table.h"
#include "server/state/prompt_metrics.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;
using interact::Outcome;

const char* metric_of(const interact::Prompt& prompt) {
  if (std::holds_alternative<interact::PointPrompt>(prompt)) return "point";
  if (std::holds_alternative<interact::BoxPrompt>(prompt)) return "box";
  if (std::holds_alternative<interact::InitPrompt>(prompt)) return "initial";
  const auto* paint = std::get_if<interact::PaintPrompt>(&prompt);
  return paint != nullptr && paint->kind == interact::PaintKind::lasso ? "lasso" : "scribble";
}

/// As it will be replayed: it says whether an initial mask predicts. One with bounds is of the whole image, empty
/// outside.
interact::Prompt parse_body(const Request& request, const Index3& shape) {
  const Json body = body_object(request);
  if (body.contains("bounds") && json_get<std::string>(body, "type", "prompt") == "init") {
    interact::InitPrompt init = parse_initial_mask(body, shape);
    init.predict = json_get_or<bool>(body, "predict", "prompt", false);
    return init;
  }
  interact::Prompt prompt = interact::parse_prompt(body);
  if (std::holds_alternative<interact::UndoPrompt>(prompt)) {
    throw Error(ErrorCode::bad_input, "prompt: undo is a request of its own, POST .../undo");
  }
  require_drawing(prompt);
  if (auto* init = std::get_if<interact::InitPrompt>(&prompt)) init->predict = init->predict.value_or(false);
  return prompt;
}

template <class T>
constexpr bool kIsUndo = std::is_same_v<std::decay_t<T>, interact::UndoPrompt>;

bool predicts(const interact::Prompt& prompt) {
  if (const auto* init = std::get_if<interact::InitPrompt>(&prompt)) return init->predict.value_or(false);
  const auto of = [](const auto& one) -> bool {
    if constexpr (kIsUndo<decltype(one)>) {
      return false;
    } else {
      return one.predict == true;
    }
  };
  return std::visit(of, prompt);
}

interact::Prompt with_prediction(interact::Prompt prompt, bool predict) {
  const auto set = [predict](auto& one) {
    if constexpr (!kIsUndo<decltype(one)>) one.predict = predict;
  };
  std::visit(set, prompt);
  return prompt;
}

/// A prompt from its arrival to its answer.
struct Arrival {
  std::shared_ptr<Predictions::Prompt> prompt;
  std::string request;
  bool stopped_others = false;
};

/// `superseded`: the prompt is recorded, and acts with the newer one.
Json cancelled_error(bool superseded) {
  return {
      {"code", "cancelled"},
      {"message", superseded ? "a newer prompt took its place; this one counts for it" : "the prediction was stopped"},
      {"details", {{"superseded", superseded}}}};
}

class PromptRoutes {
 public:
  explicit PromptRoutes(std::shared_ptr<SessionAccess> access)
      : access_(std::move(access)), metrics_(access_->services().metrics) {}

  /// When a prompt's body has come, before it waits for its session.
  std::optional<Response> arrive(Request& request) {
    access_->require(request);
    const std::string& session = request.path_values["id"];
    const int segment = number_in_path(request, "n");
    const http::Query query(request.query);
    const bool waits = query_flag(query, "wait", true), supersedes = query_flag(query, "supersede", false);
    Arrival arrival{access_->predictions().enter(session, segment), next_request()};
    if (supersedes) {
      arrival.stopped_others =
          access_->predictions().stop(session, segment, Predictions::Stop::superseded, arrival.prompt.get());
    }
    Json accepted{{"request", arrival.request}};
    request.context = std::make_shared<const Arrival>(std::move(arrival));
    if (waits) return std::nullopt;
    return http::json_response(202, accepted);
  }

  Response prompt(const Request& request) {
    const Arrival& arrival = *std::static_pointer_cast<const Arrival>(request.context);
    const auto tell = [&](const Json& error) {
      publish_error(*access_, request.path_values["id"], number_in_path(request, "n"), arrival.request, error);
    };
    try {
      return access_->with_session(request, [&](NativeTurn& native) { return predict(request, arrival, native); });
    } catch (const Error& error) {
      if (error.code() != ErrorCode::cancelled) {
        tell(http::error_json(error));
        throw;
      }
      const Json stopped = cancelled_error(arrival.prompt->stopped() == Predictions::Stop::superseded);
      tell(stopped);
      return http::json_response(describe(ErrorCode::cancelled).http_status, {{"error", stopped}});
    }
  }

  /// Stops what runs or waits; does not wait for it.
  Response stop(const Request& request) {
    access_->require(request);
    access_->predictions().stop(request.path_values["id"], number_in_path(request, "n"), Predictions::Stop::dropped);
    Response response;
    response.status = 204;
    return response;
  }

  Response undo(const Request& request) {
    return change(request, [](interact::Session& session) { return session.undo(); });
  }

  Response redo(const Request& request) {
    return change(request, [](interact::Session& session) { return session.redo(); });
  }

  Response reset(const Request& request) {
    return change(request, [](interact::Session& session) {
      const Box before = session.describe_segment(session.active_segment()).bounds;
      session.reset(note_of_reset());
      return Outcome{false, before, before, 1, 0};
    });
  }

  Response prompts(const Request& request) {
    const bool with_mask = query_flag(http::Query(request.query), "mask", true);
    return access_->with_session(request, [&](NativeTurn& native) {
      const NativeSegment& segment = native.native.segment(number_in_path(request, "n"));
      const auto given = prompts_of(native.session().notes(segment.slot), with_mask);
      return http::text_response(200, "application/json", interact::format_prompts_file(given));
    });
  }

  Response mask(const Request& request) {
    const std::string format = query_or(http::Query(request.query), "format", "nii.gz");
    return access_->with_session(request, [&](NativeTurn& native) {
      const NativeSegment& segment = native.native.segment(number_in_path(request, "n"));
      if (format == "bits") return bits(request, native, segment);
      return result_response(native, access_->services(), {segment}, format, segment.name);
    });
  }

  Response masks(const Request& request) {
    const std::string format = query_or(http::Query(request.query), "format", "nii.gz");
    return access_->with_session(request, [&](NativeTurn& native) {
      if (format != "bits") {
        return result_response(native, access_->services(), native.native.segments, format, native.native.name);
      }
      Json list = Json::array();
      for (const NativeSegment& segment : native.native.segments) {
        const Box bounds = native.session().describe_segment(segment.slot).bounds;
        Json one = describe_mask(native, segment, bounds);
        one["number"] = segment.number;
        one["mask"] = encode_base64(mask_bits(native.session(), segment.slot, bounds));
        list.push_back(std::move(one));
      }
      return http::json_response(200, {{"revision", native.native.revision}, {"segments", std::move(list)}});
    });
  }

 private:
  static Response bits(const Request& request, const NativeTurn& native, const NativeSegment& segment) {
    const Box bounds = native.session().describe_segment(segment.slot).bounds;
    return mask_response(request, describe_mask(native, segment, bounds),
                         mask_bits(native.session(), segment.slot, bounds));
  }

  /// Calls `act(session)` with the segment of the path active, keeps what it did, tells listeners and answers.
  template <class Act>
  Response change(const Request& request, Act&& act) {
    return access_->with_session(request, [&](NativeTurn& native) {
      NativeSegment& segment = native.native.segment(number_in_path(request, "n"));
      return change(request, native, segment, next_request(), act);
    });
  }

  /// The same; listeners are also told about `shown()`, asked when `act` is done (array order).
  template <class Act>
  Response change(const Request& request, NativeTurn& native, NativeSegment& segment, const std::string& id, Act&& act,
                  const std::function<Box()>& shown = {}) {
    const auto begin = std::chrono::steady_clock::now();
    const Outcome outcome = on_segment(native, segment.slot, act);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    segment.revision = ++native.native.revision;
    access_->save(native);
    const Box told = shown ? joined(outcome.difference, shown()) : outcome.difference;
    publish_mask(*access_, native, segment, id, told);
    Json reply = describe_mask(native, segment, outcome.difference);
    reply["request"] = id;
    reply["passes"] = outcome.passes;
    reply["zoom"] = outcome.zoom;
    reply["seconds"] = seconds.count();
    return mask_response(request, std::move(reply), mask_bits(native.session(), segment.slot, outcome.difference));
  }

  Response predict(const Request& request, const Arrival& arrival, NativeTurn& native) {
    NativeSegment& segment = native.native.segment(number_in_path(request, "n"));
    PredictionEvents events(*access_, native, segment, arrival.request);
    const auto shown = [&events] { return events.shown(); };
    std::optional<interact::Prompt> given;
    try {
      given = parse_body(request, native.session().shape());
      return change(request, native, segment, arrival.request, acting(*given, request, arrival, events), shown);
    } catch (const Error& error) {
      const bool superseded = arrival.prompt->stopped() == Predictions::Stop::superseded;
      if (error.code() == ErrorCode::cancelled && superseded) {
        const interact::Prompt recorded = with_prediction(*given, false);
        segment.owed = native.native.revision + 1;
        change(request, native, segment, arrival.request, acting(recorded, request, arrival, events), shown);
        throw;
      }
      if (!native.session().has_image()) throw;  // the disk failed, and what is there comes back with the next request
      if (!shown().empty()) publish_mask(*access_, native, segment, arrival.request, shown());
      const bool refused = error.code() != ErrorCode::cancelled;
      if (refused && arrival.stopped_others) predict_last(request, arrival, native, segment);
      throw;
    }
  }

  /// What gives the prompt to a session.
  std::function<Outcome(interact::Session&)> acting(const interact::Prompt& given, const Request& request,
                                                    const Arrival& arrival, PredictionEvents& events) {
    return [this, given, gone = request.gone, &arrival, &events](interact::Session& session) {
      interact::PromptOptions options;
      options.note = note_of(given);
      if (predicts(given)) {
        options.control.cancel =
            CancelToken{access_->services().sessions.cancel_token(), arrival.prompt->token(), gone};
        events.attach(options);
      }
      return metrics_.measure(metric_of(given), [&] { return interact::apply(session, given, options); });
    };
  }

  /// The prompt that stopped the one before it was refused: that one predicts after all, if it was to.
  void predict_last(const Request& request, const Arrival& arrival, NativeTurn& native, NativeSegment& segment) {
    interact::Session& session = native.session();
    const auto prompts = prompts_of(session.notes(segment.slot));
    if (prompts.empty() || segment.owed != segment.revision) return;
    PredictionEvents events(*access_, native, segment, arrival.request);
    const interact::Prompt last = with_prediction(prompts.back(), true);
    const auto again = [&](interact::Session& active) {
      active.undo();
      try {
        return acting(last, request, arrival, events)(active);
      } catch (...) {
        active.redo();
        throw;
      }
    };
    try {
      change(request, native, segment, arrival.request, again, [&events] { return events.shown(); });
    } catch (const Error&) {  // it stays recorded; what is told is why the newer one was refused
      if (session.has_image() && !events.shown().empty())
        publish_mask(*access_, native, segment, arrival.request, events.shown());
    }
  }

  /// Where the call fails, only the segment that is active has changed, which is kept: nobody need read the session
  /// anew.
  template <class Act>
  Outcome on_segment(NativeTurn& native, int slot, Act&& act) {
    interact::Session& session = native.session();
    if (session.active_segment() == slot) return act(session);
    session.select_segment(slot);
    try {
      return act(session);
    } catch (...) {
      native.turn.keep();
      throw;
    }
  }

  std::string next_request() { return fmt::format("r{}", ++requests_); }

  const std::shared_ptr<SessionAccess> access_;
  PromptMetrics metrics_;
  std::atomic<std::uint64_t> requests_ = 0;
};

}  // namespace

std::vector<http::Route> prompt_routes(const std::shared_ptr<SessionAccess>& access) {
  using P = PromptRoutes;
  const auto prompts = std::make_shared<P>(access);
  RouteTable table;
  const std::string session = "/sessions/{id}", segment = session + "/segments/{n}";
  const auto add = [&](const char* method, const std::string& path, const char* summary, std::uint64_t body,
                       Response (P::*handler)(const Request&), RouteDoc doc) -> http::Route& {
    http::Route& route =
        in_turn(table.add(method, path, summary,
                          [prompts, handler](const Request& request) { return ((*prompts).*handler)(request); }),
                "id");
    route.max_body_bytes = body;
    return describe(route, std::move(doc));
  };
  const std::uint64_t form = std::min(access->services().limits.max_mask_bytes, kMaxMaskForm);
  const RouteDoc reply{.answers = {mask_answer("Reply")}};
  const RouteDoc::Field format{"format", "string", "nii.gz, nii, nrrd, seg.dcm, stl or bits."};
  const auto file_or = [](const char* schema) {
    return RouteDoc::Answer{200, "A file; for bits as JSON.", {{schema}, {"", "application/octet-stream"}}};
  };
  add("GET", segment + "/prompts", "The prompts that made the segment, as a prompts file.", 0, &P::prompts,
      {.query = {{"mask", "boolean", "False: without the initial mask, which is as large as the image."}},
       .answers = {json_answer("PromptsFile")}});
  http::Route& prompt =
      add("POST", segment + "/prompts", "A prompt; answers with what it changed.", form, &P::prompt,
          {.query = {{"wait", "boolean", "False: answers at once; the result is an event."},
                     {"supersede", "boolean", "Stops the one that is predicting; its prompt counts for this one."}},
           .request = {{"Prompt"}},
           .answers = {mask_answer("Reply"), json_answer("Accepted", 202, "With wait=false."),
                       json_answer("Error", 409, "It was stopped, or superseded: code cancelled.")}});
  prompt.heavy = true;
  prompt.on_body = [prompts](Request& request) { return prompts->arrive(request); };
  add("POST", segment + "/undo", "Takes the last prompt, initial mask or reset back.", kMaxFormBytes, &P::undo, reply);
  add("POST", segment + "/redo", "Does again what was taken back.", kMaxFormBytes, &P::redo, reply);
  add("POST", segment + "/reset", "Empties the segment.", kMaxFormBytes, &P::reset, reply);
  add("GET", segment + "/mask", "The segment as a file or as bits.", 0, &P::mask,
      {.query = {format}, .answers = {file_or("Mask")}});
  add("GET", session + "/mask", "All segments as a file or as bits.", 0, &P::masks,
      {.query = {format}, .answers = {file_or("Masks")}});
  describe(table.add("DELETE", segment + "/prediction", "Stops the prediction that runs; its prompt is dropped.",
                     [prompts](const Request& request) { return prompts->stop(request); }),
           {.answers = {empty_answer(204, "None runs any more.")}});
  return table.take();
}

}  // namespace sagittal::server
