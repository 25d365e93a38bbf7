#include "server/api/import_routes.h"

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

/// The job's segments on the grid of the session's image.
io::Segmentation read_placed(const hub::JobStore& jobs, const Request& request, const Json& body,
                             const Geometry& geometry) {
  const hub::Job job = jobs.get(json_get<std::string>(body, "job", kWhat), request.owner);
  if (job.state != hub::JobState::done) throw Error(ErrorCode::conflict, "the job is not done");
  const auto file = hub::output_file(jobs.folder_of(job.id), json_get<std::string>(body, "path", kWhat));
  io::Segmentation segmentation = io::read_segmentation(file);
  if (segmentation.kind != io::SegmentationKind::binary)
    throw Error(ErrorCode::unsupported, "its segments are fractions, which a session cannot hold");
  try {
    return io::placed_on(segmentation, {io::DicomContext{}, geometry});
  } catch (Error& error) {
    throw error.within("the result lies on another grid than the session's image");
  }
}

NativeSegment native_segment(const NativeSession& session, const hub::OutputSegment& described) {
  NativeSegment segment{session.next_number, session.free_slot(), described.name, described.colour, {}, 0};
  if (const auto term = terms::find_term(described.id)) segment.term = term->id;
  if (segment.name.empty()) segment.name = fmt::format("Segment {}", session.next_number);
  segment.name = checked_name(segment.name);
  return segment;
}

Response import(SessionAccess& access, const hub::JobStore& jobs, const Request& request) {
  const Json body = body_object(request);
  return access.with_session(request, [&](NativeTurn& native) {
    NativeSession& session = native.native;
    const io::Segmentation found = read_placed(jobs, request, body, session.geometry);
    if (session.segments.size() + found.segments.size() > kMaxSegments)
      throw Error(ErrorCode::too_large, fmt::format("a session has at most {} segments", kMaxSegments));
    const auto described = hub::output_segments(found);
    std::vector<int> numbers;
    std::vector<std::uint8_t> voxels(static_cast<std::size_t>(session.geometry.voxel_count()));
    for (std::size_t n = 0; n < found.segments.size(); ++n) {
      std::fill(voxels.begin(), voxels.end(), std::uint8_t{0});
      io::paste_mask(found.segments[n].mask, session.geometry.size, voxels);
      NativeSegment segment = native_segment(session, described[n]);
      prepare_slot(native.session(), segment.slot);
      const interact::InitPrompt mask{pack_bits(voxels), false};
      interact::PromptOptions options;
      options.note = note_of(mask);
      interact::apply(native.session(), mask, options);
      segment.revision = ++session.revision;
      ++session.next_number;
      numbers.push_back(segment.number);
      session.segments.push_back(std::move(segment));
    }
    access.save(native);
    access.publish(native.id, {{"type", "segments"}, {"segments", describe_segments(native)}});
    Json answer = Json::array();
    for (const int number : numbers) answer.push_back(describe_segment(native, session.segment(number)));
    return http::json_response(201, {{"segments", std::move(answer)}});
  });
}

}  // namespace

std::vector<http::Route> import_routes(const std::shared_ptr<SessionAccess>& access, const hub::JobStore& jobs) {
  RouteTable table;
  http::Route& route = table.add("POST", "/sessions/{id}/segments/import",
                                 "Adds the segments that a job has made, with their names and codes.",
                                 [access, &jobs](const Request& request) { return import(*access, jobs, request); });
  in_turn(route, "id").max_body_bytes = kMaxFormBytes;
  describe(route, {.request = {{"ImportRequest"}}, .answers = {json_answer("Segments", 201)}});
  return table.take();
}

}  // namespace sagittal::server
