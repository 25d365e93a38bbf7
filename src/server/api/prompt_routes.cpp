#include "server/api/prompt_routes.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/error.h"
#include "server/api/forms.h"
#include "server/api/image_response.h"
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

/// As it will be replayed: it says whether an initial mask predicts.
interact::Prompt parse_body(const Request& request) {
  interact::Prompt prompt = interact::parse_prompt(body_object(request));
  if (std::holds_alternative<interact::UndoPrompt>(prompt)) {
    throw Error(ErrorCode::bad_input, "prompt: undo is a request of its own, POST .../undo");
  }
  require_drawing(prompt);
  if (auto* init = std::get_if<interact::InitPrompt>(&prompt)) init->predict = init->predict.value_or(false);
  return prompt;
}

class PromptRoutes {
 public:
  explicit PromptRoutes(std::shared_ptr<SessionAccess> access)
      : access_(std::move(access)), metrics_(access_->services().metrics) {}

  Response prompt(const Request& request) {
    const interact::Prompt given = parse_body(request);
    return change(request, [&](interact::Session& session) {
      interact::PromptOptions options;
      options.control.cancel = access_->services().sessions.cancel_token();
      options.note = note_of(given);
      return metrics_.measure(metric_of(given), [&] { return interact::apply(session, given, options); });
    });
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
    return access_->with_session(request, [&](NativeTurn& native) {
      const NativeSegment& segment = native.native.segment(number_in_path(request, "n"));
      const auto given = prompts_of(native.session().notes(segment.slot));
      return http::text_response(200, "application/json", interact::format_prompts_file(given));
    });
  }

  Response mask(const Request& request) {
    const std::string format = query_or(http::Query(request.query), "format", "nii.gz");
    return access_->with_session(request, [&](NativeTurn& native) {
      const NativeSegment& segment = native.native.segment(number_in_path(request, "n"));
      if (format == "bits") return bits(request, native, segment);
      return result_response(native, {segment}, format, segment.name);
    });
  }

  Response masks(const Request& request) {
    const std::string format = query_or(http::Query(request.query), "format", "nii.gz");
    return access_->with_session(request, [&](NativeTurn& native) {
      if (format != "bits") return result_response(native, native.native.segments, format, native.native.name);
      Json list = Json::array();
      for (const NativeSegment& segment : native.native.segments) {
        const Box bounds = native.session().describe_segment(segment.slot).bounds;
        Json one = state(native, segment, bounds);
        one["number"] = segment.number;
        one["mask"] = encode_base64(mask_bits(native.session(), segment.slot, bounds));
        list.push_back(std::move(one));
      }
      return http::json_response(200, {{"revision", native.native.revision}, {"segments", std::move(list)}});
    });
  }

 private:
  /// The part of every answer that tells what the segment is now; `bounds` in array order.
  static Json state(const NativeTurn& native, const NativeSegment& segment, const Box& bounds) {
    const interact::SegmentSummary now = native.session().describe_segment(segment.slot);
    return {{"revision", native.native.revision},
            {"bounds", bounds_json(bounds)},
            {"voxels", now.voxels},
            {"volume_ml", static_cast<double>(now.voxels) * voxel_ml(native.native.geometry)},
            {"can_undo", now.can_undo},
            {"can_redo", now.can_redo}};
  }

  static Response bits(const Request& request, const NativeTurn& native, const NativeSegment& segment) {
    const Box bounds = native.session().describe_segment(segment.slot).bounds;
    return mask_response(request, state(native, segment, bounds), mask_bits(native.session(), segment.slot, bounds));
  }

  /// Calls `act(session)` with the segment of the path active, keeps what it did, tells listeners and answers.
  template <class Act>
  Response change(const Request& request, Act&& act) {
    return access_->with_session(request, [&](NativeTurn& native) {
      NativeSegment& segment = native.native.segment(number_in_path(request, "n"));
      interact::Session& session = native.session();
      const auto begin = std::chrono::steady_clock::now();
      const Outcome outcome = on_segment(native, segment.slot, act);
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
      segment.revision = ++native.native.revision;
      access_->save(native);
      Json reply = state(native, segment, outcome.difference);
      reply["request"] = next_request();
      Bytes mask = mask_bits(session, segment.slot, outcome.difference);
      publish(native, segment, reply, mask);
      reply["passes"] = outcome.passes;
      reply["zoom"] = outcome.zoom;
      reply["seconds"] = seconds.count();
      return mask_response(request, std::move(reply), std::move(mask));
    });
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

  void publish(const NativeTurn& native, const NativeSegment& segment, Json event, const Bytes& mask) const {
    if (!access_->has_listeners()) return;
    event["type"] = "mask";
    event["segment"] = segment.number;
    event["coarse"] = false;
    event["mask"] = encode_base64(mask);
    access_->publish(native.id, event);
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
                       Response (P::*handler)(const Request&)) -> http::Route& {
    http::Route& route =
        in_turn(table.add(method, path, summary,
                          [prompts, handler](const Request& request) { return ((*prompts).*handler)(request); }),
                "id");
    route.max_body_bytes = body;
    return route;
  };
  const std::uint64_t form = std::min(access->services().limits.max_mask_bytes, kMaxMaskForm);
  add("GET", segment + "/prompts", "The prompts that made the segment, as a prompts file.", 0, &P::prompts);
  add("POST", segment + "/prompts", "A prompt; answers with what it changed.", form, &P::prompt).heavy = true;
  add("POST", segment + "/undo", "Takes the last prompt, initial mask or reset back.", kMaxFormBytes, &P::undo);
  add("POST", segment + "/redo", "Does again what was taken back.", kMaxFormBytes, &P::redo);
  add("POST", segment + "/reset", "Empties the segment.", kMaxFormBytes, &P::reset);
  add("GET", segment + "/mask", "The segment as a file or as bits.", 0, &P::mask);
  add("GET", session + "/mask", "All segments as a file or as bits.", 0, &P::masks);
  return table.take();
}

}  // namespace sagittal::server
