#pragma once
#include <string>
#include <vector>

namespace sagittal::server::http {

/// What a route takes and answers, for its description. Schemas are names in the API's own table; an empty name stands
/// for bytes.
struct RouteDoc {
  struct Field {
    std::string name;
    std::string type;  ///< "string", "integer", "boolean"
    std::string help;
    bool required = false;
  };
  struct Content {
    std::string schema = {};
    std::string media_type = "application/json";
  };
  struct Answer {
    int status = 200;
    std::string help = {};
    std::vector<Content> content = {};
  };

  std::vector<Field> query = {};
  std::vector<Field> headers = {};
  std::vector<Content> request = {};  ///< the body, in any one of these forms
  std::vector<Answer> answers = {};   ///< beside errors
};

}  // namespace sagittal::server::http
