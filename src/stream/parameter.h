#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace sagittal::stream {

/// One setting of an operator, by name. It changes only between two runs of `compute`.
class ParameterBase {
 public:
  ParameterBase() = default;
  ParameterBase(const ParameterBase&) = delete;
  ParameterBase& operator=(const ParameterBase&) = delete;
  virtual ~ParameterBase() = default;

  /// Error(bad_input) naming the parameter, what it may be and what was found. Changes nothing.
  virtual void check(const Json& value) const = 0;
  /// Checks, and takes it.
  virtual void set(const Json& value) = 0;
  virtual Json value() const = 0;
  /// "number", "text", "list of numbers", as a person reads it.
  virtual std::string kind() const = 0;

  const std::string& name() const { return name_; }
  const std::string& description() const { return description_; }
  /// Only before the run: later changes are refused.
  bool is_fixed() const { return fixed_; }
  /// A file or folder: where it is relative, to the folder of the pipeline's file.
  bool is_path() const { return path_; }

 protected:
  friend class Setup;
  std::string name_, description_;
  bool fixed_ = false, path_ = false;
};

template <class T>
class Parameter : public ParameterBase {
 public:
  explicit Parameter(T value = {}) : value_(std::move(value)) {}

  const T& operator*() const { return value_; }
  const T* operator->() const { return &value_; }

  /// Limits, both included.
  Parameter& between(T low, T high) {
    low_ = std::make_unique<T>(std::move(low));
    high_ = std::make_unique<T>(std::move(high));
    return *this;
  }
  Parameter& one_of(std::vector<T> choices) {
    choices_ = std::move(choices);
    return *this;
  }
  /// Nothing but the pipeline file sets it: an address, a file.
  Parameter& fixed() {
    fixed_ = true;
    return *this;
  }
  /// A file or folder, and fixed.
  Parameter& path() {
    path_ = true;
    return fixed();
  }

  void check(const Json& value) const override { parse(value); }
  void set(const Json& value) override { value_ = parse(value); }
  Json value() const override { return value_; }
  std::string kind() const override;

 private:
  T parse(const Json& value) const;
  T value_;
  std::unique_ptr<T> low_, high_;
  std::vector<T> choices_;
};

// bool, std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>,
// Json (any); defined in parameter.cpp.

}  // namespace sagittal::stream
