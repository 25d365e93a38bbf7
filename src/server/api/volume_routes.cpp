#include "server/api/volume_routes.h"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "net/sha256.h"
#include "server/api/forms.h"
#include "server/api/image_response.h"
#include "server/api/route_table.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;

std::string name_in(const http::Query& query) { return checked_name(query_or(query, "name", "image")); }

std::string id_of(const Request& request) {
  const std::string& id = request.path_values["id"];
  if (net::is_sha256_hex(id)) return id;
  throw Error(ErrorCode::not_found, "a volume's id is the SHA-256 of its file, 64 lower-case hexadecimal digits");
}

class VolumeRoutes {
 public:
  explicit VolumeRoutes(const ApiServices& services)
      : shelf_(services.volumes), uploads_(services.uploads), limits_(services.limits) {}

  Response list(const Request& request) {
    Json volumes = Json::array();
    for (const VolumeInfo& info : shelf_.list(caller_of(request))) volumes.push_back(to_json(info));
    return http::json_response(200, {{"volumes", std::move(volumes)}});
  }

  Response describe_one(const Request& request) {
    return http::json_response(200, to_json(shelf_.info(request.owner, id_of(request))));
  }

  Response look(const Request& request) {
    const std::string id = id_of(request);
    Response response;
    const std::uint64_t received = uploads_.received(request.owner, id);
    if (shelf_.has(request.owner, id)) return response;
    response.status = received > 0 ? 206 : 404;
    if (received > 0) response.headers.push_back({"Sagittal-Received", std::to_string(received)});
    return response;
  }

  Response post(const Request& request) {
    const http::Query query(request.query);
    const std::string name = name_in(query);
    if (request.body.size() == 0) throw Error(ErrorCode::bad_input, "the request has no body");
    if (!query.has("shape")) {
      return answer(shelf_.add(caller_of(request), name, "", request.body.bytes(), owner_of_body(request)));
    }
    const auto file =
        std::make_shared<const Bytes>(io::encode_image(parse_raw_volume(query, request.body.bytes()), "nrrd", false));
    return answer(shelf_.add(caller_of(request), name, "", *file, [&file] { return file; }));
  }

  Response put(const Request& request) {
    const std::string id = id_of(request), name = name_in(http::Query(request.query));
    const std::string_view range = request.header("Content-Range");
    if (range.empty()) {
      const auto added = shelf_.add(caller_of(request), name, id, request.body.bytes(), owner_of_body(request));
      uploads_.forget(request.owner, id);
      return answer(added);
    }
    if (shelf_.has(request.owner, id)) return http::json_response(200, to_json(shelf_.info(request.owner, id)));
    auto whole = uploads_.add(request.owner, id, parse_content_range(range), request.body);
    if (!whole) return http::json_response(202, {{"received", uploads_.received(request.owner, id)}});
    const auto file = std::make_shared<const Buffer>(std::move(*whole));
    return answer(shelf_.add(caller_of(request), name, id, file->as<const std::uint8_t>(), [&file] { return file; }));
  }

  Response remove(const Request& request) {
    shelf_.remove(request.owner, id_of(request));
    Response response;
    response.status = 204;
    return response;
  }

  Response voxels(const Request& request) {
    const http::Query query(request.query);
    const OpenVolume volume = shelf_.open(request.owner, id_of(request));
    io::ReadOptions options = shelf_.read_options();
    options.series_uid = query_or(query, "series", "");
    options.frame = query_number(query, "frame");
    return image_response(io::read_image(volume.bytes, volume.info.name, options), query);
  }

 private:
  static VolumeShelf::BytesOwner owner_of_body(const Request& request) {
    return [&request] { return request.body.keep(); };
  }

  static Response answer(const VolumeShelf::Added& added) {
    if (!added.is_new) return http::json_response(200, to_json(added.info));
    return created("/api/v1/volumes/" + added.info.id, to_json(added.info));
  }

  VolumeShelf& shelf_;
  VolumeUploads& uploads_;
  const UploadLimits limits_;
};

}  // namespace

std::vector<http::Route> volume_routes(const ApiServices& services) {
  using V = VolumeRoutes;
  const auto volumes = std::make_shared<V>(services);
  RouteTable table;
  const auto add = [&](const char* method, const char* path, const char* summary,
                       Response (V::*handler)(const Request&)) -> http::Route& {
    return table.add(method, path, summary,
                     [volumes, handler](const Request& request) { return ((*volumes).*handler)(request); });
  };
  const std::uint64_t file = services.limits.max_image_bytes;
  const RouteDoc::Field name{"name", "string", "What the image is called; says nothing of its format."};
  const RouteDoc::Content bytes{"", "application/octet-stream"};
  const RouteDoc::Answer stored = json_answer("Volume", 201), known = json_answer("Volume", 200, "It was here before.");
  http::Route& list = add("GET", "/volumes", "The caller's uploaded images.", &V::list);
  list.run_on = http::RunOn::worker;
  describe(list, {.answers = {json_answer("Volumes")}});
  http::Route& post = add("POST", "/volumes", "Uploads an image file, or raw voxels with their geometry.", &V::post);
  post.run_on = http::RunOn::worker;
  post.max_body_bytes = file;
  describe(post, {.query = {name,
                            {"study", "string", "Instead of a body: a scan of the server, by its id."},
                            {"shape", "string", "Of raw voxels, i fastest: ni,nj,nk."},
                            {"type", "string", "Of raw voxels: NumPy's name, such as int16."},
                            {"spacing_mm", "string", "Of raw voxels: three numbers."},
                            {"origin_lps_mm", "string", "Of raw voxels: three numbers."},
                            {"direction", "string", "Of raw voxels: nine numbers, row by row."}},
                  .request = {bytes},
                  .answers = {known, stored}});
  describe(in_turn(add("HEAD", "/volumes/{id}", "Whether a file is here, and how much of it.", &V::look), "id"),
           {.answers = {empty_answer(200, "It is here."),
                        empty_answer(206, "Sagittal-Received tells how many of its bytes are."),
                        empty_answer(404, "Nothing of it is.")}});
  describe(in_turn(add("GET", "/volumes/{id}", "Describes an uploaded image.", &V::describe_one), "id"),
           {.answers = {json_answer("Volume")}});
  http::Route& put = add("PUT", "/volumes/{id}", "Uploads a file by its SHA-256, at once or piece by piece.", &V::put);
  in_turn(put, "id").max_body_bytes = file;
  describe(put, {.query = {name},
                 .headers = {{"Content-Range", "string", "bytes FIRST-LAST/TOTAL, where it is a piece."}},
                 .request = {bytes},
                 .answers = {known, stored, json_answer("Received", 202, "More pieces are awaited."),
                             json_answer("Error", 422, "The file is another; nothing was kept.")}});
  describe(in_turn(add("DELETE", "/volumes/{id}", "Forgets an image; sessions keep what they need.", &V::remove), "id"),
           {.answers = {empty_answer(204, "It is gone.")}});
  describe(in_turn(add("GET", "/volumes/{id}/voxels", "The image as NIfTI, for display.", &V::voxels), "id"),
           {.query = {{"format", "string", "nii or nii.gz."},
                      {"series", "string", "Of a file with several."},
                      {"frame", "integer", "Of a 4D file, from 0."}},
            .answers = {file_answer("application/octet-stream")}});
  return table.take();
}

}  // namespace sagittal::server
