#include "server/http/response.h"

#include <utility>

namespace sagittal::server::http {

Response make_response(int status, std::string_view content_type, Bytes body) {
  Response response;
  response.status = status;
  response.headers.push_back({"Content-Type", std::string(content_type)});
  response.body = std::make_shared<const Bytes>(std::move(body));
  return response;
}

Response text_response(int status, std::string_view content_type, std::string_view text) {
  return make_response(status, content_type, Bytes(text.begin(), text.end()));
}

Response json_response(int status, const Json& json) {
  // Strangers' bytes may be quoted in a message: what is no UTF-8 is replaced, never thrown about.
  return text_response(status, "application/json", json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Json error_json(const Error& error) {
  return {{"code", describe(error.code()).name}, {"message", error.what()}, {"details", error.sentences()}};
}

Response error_response(const Error& error) {
  return json_response(describe(error.code()).http_status, {{"error", error_json(error)}});
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "Payload Too Large";
    case 416:
      return "Range Not Satisfiable";
    case 422:
      return "Unprocessable Entity";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

}  // namespace sagittal::server::http
