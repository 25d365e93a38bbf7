#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "interact/model.h"

namespace sagittal::server {

/// The promptable models of a server, at least one, each with a name of its own; the first is the default. A value that
/// never changes and shares its models.
class Models {
 public:
  using Model = std::shared_ptr<const interact::Model>;

  /// One alone.
  Models(Model only) : Models(std::vector{std::move(only)}) {}
  /// Throws Error(wrong_usage) where there is none, or two have one name.
  explicit Models(std::vector<Model> models);

  const Model& first() const { return models_.front(); }
  /// Null where there is none of that name.
  Model find(std::string_view name) const;
  std::size_t size() const { return models_.size(); }
  auto begin() const { return models_.begin(); }
  auto end() const { return models_.end(); }

  /// "a, b and c"
  std::string names() const;

 private:
  std::vector<Model> models_;
};

}  // namespace sagittal::server
