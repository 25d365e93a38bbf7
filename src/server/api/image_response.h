#pragma once
#include "server/http/query.h"
#include "server/http/response.h"
#include "volume/volume.h"

namespace sagittal::server {

/// The image as a file: ?format=nii (default) or nii.gz.
http::Response image_response(const Volume& image, const http::Query& query);

/// A file for the user to keep under that name.
http::Response file_response(Bytes file, const char* content_type, const std::string& name);

}  // namespace sagittal::server
