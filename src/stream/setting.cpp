#include "stream/setting.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/yaml.h"

namespace sagittal::stream {

Setting parse_setting(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::size_t dot = text.substr(0, equals).find('.');
  if (equals == std::string_view::npos || dot == std::string_view::npos) {
    throw Error(ErrorCode::bad_input, fmt::format("\"{}\": expected as operator.parameter=value", text.substr(0, 100)));
  }
  return {std::string(text.substr(0, dot)), std::string(text.substr(dot + 1, equals - dot - 1)),
          parse_yaml(text.substr(equals + 1), "a value", YamlScalars::typed)};
}

}  // namespace sagittal::stream
