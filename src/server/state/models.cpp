#include "server/state/models.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::server {

Models::Models(std::vector<Model> models) : models_(std::move(models)) {
  if (models_.empty()) throw Error(ErrorCode::wrong_usage, "no model was named");
  for (const Model& model : models_) {
    if (find(model->name) == model) continue;
    throw Error(ErrorCode::wrong_usage,
                fmt::format("two models are called {}; each needs a name of its own, that of its folder", model->name));
  }
}

Models::Model Models::find(std::string_view name) const {
  const auto found = std::find_if(begin(), end(), [name](const Model& model) { return model->name == name; });
  return found == end() ? nullptr : *found;
}

std::string Models::names() const {
  std::string names;
  for (std::size_t n = 0; n < models_.size(); ++n) {
    if (n > 0) names += n + 1 == models_.size() ? " and " : ", ";
    names += models_[n]->name;
  }
  return names;
}

}  // namespace sagittal::server
