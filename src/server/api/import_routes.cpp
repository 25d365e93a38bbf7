#include "server/api/import_routes.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "hub/jobs/job_folder.h"
#include "hub/jobs/segments.h"
#include "io/dicom_seg.h"
#include "io/segmentation_io.h"
#include "server/api/forms.h"
#include "server/api/prompt_notes.h"
#include "server/api/route_table.h"
#include "server/api/segment_slot.h"
#include "volume/bits.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;

constexpr const char* kWhat = "request";

/// A file of a job.
struct Result {
  io::Segmentation segmentation;              ///< on the grid of the session's image
  std::vector<hub::OutputSegment> described;  ///< what each of its segments is
};

/// The file's own words, and over them those of the job's record: a label map says no names, the file beside it did.
std::vector<hub::OutputSegment> describe(const io::Segmentation& found, const std::filesystem::path& folder,
                                         const std::string& path) {
  std::vector<hub::OutputSegment> segments = hub::output_segments(found);
  const auto end = hub::read_end(folder);
  if (!end) return segments;
  for (const hub::JobOutput& output : end->report.outputs) {
    if (output.path != path) continue;
    for (hub::OutputSegment& segment : segments) {
      const auto same = [&](const hub::OutputSegment& told) { return told.number == segment.number; };
      const auto told = std::find_if(output.segments.begin(), output.segments.end(), same);
      if (told != output.segments.end()) segment = *told;
    }
  }
  return segments;
}

Result read_placed(const hub::JobStore& jobs, const Request& request, const Json& body, const Geometry& geometry) {
  const hub::Job job = jobs.get(json_get<std::string>(body, "job", kWhat), request.owner);
  if (job.state != hub::JobState::done) throw Error(ErrorCode::conflict, "the job is not done");
  const std::string path = json_get<std::string>(body, "path", kWhat);
  const auto folder = jobs.folder_of(job.id);
  const io::Segmentation segmentation = io::read_segmentation(hub::output_file(folder, path));
  if (segmentation.kind != io::SegmentationKind::binary)
    throw Error(ErrorCode::unsupported, "its segments are fractions, which a session cannot hold");
  try {
    return {io::placed_on(segmentation, {io::DicomContext{}, geometry}), describe(segmentation, folder, path)};
  } catch (Error& error) {
    throw error.within("the result lies on another grid than the session's image");
  }
}

NativeSegment native_segment(const NativeSession& session, const hub::OutputSegment& described, std::string origin) {
  NativeSegment segment{session.next_number, session.free_slot(), described.name, described.colour, {}, 0, 0,
                        std::move(origin)};
  if (const auto term = terms::find_term(described.id)) segment.term = term->id;
  if (segment.name.empty()) segment.name = fmt::format("Segment {}", session.next_number);
  segment.name = checked_name(segment.name);
  return segment;
}

/// Names the segments of a file of a job, in the session that they are brought to.
std::string origin_of(const Json& body, std::int64_t number) {
  return fmt::format("{}/{}#{}", json_get<std::string>(body, "job", kWhat), json_get<std::string>(body, "path", kWhat),
                     number);
}

/// Brings segments into a session, each of a file once: one that is there already stays as its people have made it.
class Import {
 public:
  Import(NativeTurn& native, const Json& body) : native_(native), body_(body) {}

  void add(const Result& result) {
    NativeSession& session = native_.native;
    const auto& [found, described] = result;
    std::size_t missing = 0;
    for (const auto& segment : described) missing += find(origin_of(body_, segment.number)) == nullptr;
    if (session.segments.size() + missing > kMaxSegments)
      throw Error(ErrorCode::too_large, fmt::format("a session has at most {} segments", kMaxSegments));
    for (std::size_t n = 0; n < found.segments.size(); ++n) {
      const std::string origin = origin_of(body_, described[n].number);
      if (const NativeSegment* there = find(origin)) {
        numbers_.push_back(there->number);
      } else {
        numbers_.push_back(add(found.segments[n], native_segment(session, described[n], origin)));
      }
    }
  }

  bool has_added() const { return has_added_; }
  Json segments() const {
    Json answer = Json::array();
    for (const int number : numbers_) answer.push_back(describe_segment(native_, native_.native.segment(number)));
    return {{"segments", std::move(answer)}};
  }

 private:
  const NativeSegment* find(const std::string& origin) const {
    for (const NativeSegment& segment : native_.native.segments) {
      if (segment.origin == origin) return &segment;
    }
    return nullptr;
  }

  int add(const io::Segment& found, NativeSegment segment) {
    NativeSession& session = native_.native;
    voxels_.assign(static_cast<std::size_t>(session.geometry.voxel_count()), std::uint8_t{0});
    io::paste_mask(found.mask, session.geometry.size, voxels_);
    prepare_slot(native_.session(), segment.slot);
    const interact::InitPrompt mask{pack_bits(voxels_), false};
    interact::PromptOptions options;
    options.note = note_of(mask);
    interact::apply(native_.session(), mask, options);
    segment.revision = ++session.revision;
    ++session.next_number;
    session.segments.push_back(std::move(segment));
    has_added_ = true;
    return session.segments.back().number;
  }

  NativeTurn& native_;
  const Json& body_;
  std::vector<int> numbers_;
  std::vector<std::uint8_t> voxels_;
  bool has_added_ = false;
};

Response import(SessionAccess& access, const hub::JobStore& jobs, const Request& request) {
  const Json body = body_object(request);
  return access.with_session(request, [&](NativeTurn& native) {
    Import import(native, body);
    import.add(read_placed(jobs, request, body, native.native.geometry));
    if (!import.has_added()) return http::json_response(200, import.segments());
    access.save(native);
    access.publish(native.id, {{"type", "segments"}, {"segments", describe_segments(native)}});
    return http::json_response(201, import.segments());
  });
}

}  // namespace

std::vector<http::Route> import_routes(const std::shared_ptr<SessionAccess>& access, const hub::JobStore& jobs) {
  RouteTable table;
  http::Route& route = table.add("POST", "/sessions/{id}/segments/import",
                                 "Brings the segments that a job has made, with their names and codes; each once.",
                                 [access, &jobs](const Request& request) { return import(*access, jobs, request); });
  in_turn(route, "id").max_body_bytes = kMaxFormBytes;
  describe(route,
           {.request = {{"ImportRequest"}},
            .answers = {json_answer("Segments", 201), json_answer("Segments", 200, "They are all there already.")}});
  return table.take();
}

}  // namespace sagittal::server
