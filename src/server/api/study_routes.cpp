#include "server/api/study_routes.h"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"
#include "io/image_io.h"
#include "io/stored_zip.h"
#include "server/api/forms.h"
#include "server/api/route_table.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;

Json to_json(const Study& study) {
  const auto known = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  const bool measured = study.shape[0] > 0;
  return {{"id", study.id},
          {"name", study.name},
          {"source", study.source},
          {"modality", known(study.modality)},
          {"detail", study.detail},
          {"series", known(study.series_uid)},
          {"shape", measured ? Json(study.shape) : Json()}};
}

/// What the scan is as an uploaded file: the images of a DICOM series, so that a result refers to them; else NRRD.
Bytes file_of(const LoadedStudy& loaded, std::uint64_t max_bytes) {
  if (loaded.files.empty()) return io::encode_image(loaded.image, "nrrd", false);
  io::StoredZip zip(max_bytes);
  for (std::size_t n = 0; n < loaded.files.size(); ++n) {
    zip.add(fmt::format("{:06}.dcm", n), read_file(loaded.files[n], max_bytes));
  }
  return std::move(zip).finish();
}

Response list(const Studies& studies, const Request& request) {
  const StudyList found = studies.list(query_or(http::Query(request.query), "search", ""));
  Json rows = Json::array();
  for (const Study& study : found.studies) rows.push_back(to_json(study));
  return http::json_response(
      200, {{"studies", std::move(rows)}, {"complete", found.complete}, {"problems", found.problems}});
}

Response open(const Studies& studies, VolumeShelf& volumes, const CancelToken& cancel, const Request& request) {
  const LoadedStudy loaded = studies.load(http::Query(request.query).one("study"), volumes.read_options(), cancel);
  const auto file = std::make_shared<const Bytes>(file_of(loaded, volumes.limits().max_file_bytes));
  const auto added = volumes.add(caller_of(request), loaded.study.name, "", *file, [&file] { return file; });
  if (!added.is_new) return http::json_response(200, to_json(added.info));
  return created("/api/v1/volumes/" + added.info.id, to_json(added.info));
}

}  // namespace

std::vector<http::Route> study_routes(const Studies& studies, VolumeShelf& volumes, const CancelToken& cancel) {
  RouteTable table;
  http::Route& all = table.add("GET", "/studies", "The scans that the server offers by itself.",
                               [&studies](const Request& request) { return list(studies, request); });
  all.run_on = http::RunOn::worker;
  describe(all, {.query = {{"search", "string", "Text in name, detail, modality or UID."}},
                 .answers = {json_answer("Studies")}});
  http::Route& post = table.add(
      "POST", "/volumes", "Makes a scan of the server a volume; ?study=ID.",
      [&studies, &volumes, cancel](const Request& request) { return open(studies, volumes, cancel, request); });
  post.run_on = http::RunOn::worker;
  describe(post, {.query = {{"study", "string", "A scan of the server.", true}},
                  .answers = {json_answer("Volume", 200, "It was here before."), json_answer("Volume", 201)}});
  post.accepts = [](const Request& head) { return ("&" + head.query).find("&study=") != std::string::npos; };
  return table.take();
}

}  // namespace sagittal::server
