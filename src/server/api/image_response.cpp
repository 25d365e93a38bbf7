#include "server/api/image_response.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "io/image_io.h"
#include "server/api/forms.h"

namespace sagittal::server {

http::Response image_response(const Volume& image, const http::Query& query) {
  const std::string format = query_or(query, "format", "nii");
  if (format != "nii" && format != "nii.gz") {
    throw Error(ErrorCode::bad_input, "format=: expected nii or nii.gz");
  }
  return file_response(io::encode_image(image, format), "application/octet-stream", "image." + format);
}

http::Response file_response(Bytes file, const char* content_type, const std::string& name) {
  std::string plain = name;
  std::replace_if(
      plain.begin(), plain.end(),
      [](char c) {
        return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-');
      },
      '_');
  http::Response response = http::make_response(200, content_type, std::move(file));
  response.headers.push_back({"Content-Disposition", fmt::format("attachment; filename=\"{}\"", plain)});
  response.headers.push_back({"X-Content-Type-Options", "nosniff"});
  return response;
}

}  // namespace sagittal::server
