#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace sagittal::stream {

/// Who may choose a parameter's value, and until when.
enum class Settable {
  live,      ///< who may change what runs, between two runs of `compute`
  at_start,  ///< who starts the pipeline
  in_file,   ///< nobody but the pipeline's file and the command line: an address, a file, a limit
};
/// "while it runs", "at the start", "in the file".
std::string_view name_of(Settable settable);

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
  /// "true or false", "whole number", "number", "text", "list of …s" of each, "anything".
  virtual std::string_view type() const = 0;
  /// [least, most], both included; null: all values of the type.
  virtual Json limits() const = 0;
  /// A list; null: any value of the type.
  virtual Json choices() const = 0;

  const std::string& name() const { return name_; }
  const std::string& description() const { return description_; }
  /// The type with limits and choices, as a person reads it: "number from 0 to 1".
  std::string kind() const;
  /// As declared, or what the name ends with: "mm" of spacing_mm. Empty where it has none.
  std::string_view unit() const;
  Settable settable() const { return settable_; }
  /// {"name", "description", "type", "limits", "choices", "unit" (null where there is none), "path", "settable",
  /// "fixed": whether it cannot change while it runs, "kind", "default", "value"}
  Json describe() const;
  /// A file or folder: where it is relative, to the folder of the pipeline's file.
  bool is_path() const { return path_; }

 protected:
  friend class Setup;
  std::string name_, description_, unit_;
  Json default_;
  Settable settable_ = Settable::live;
  bool path_ = false;
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
  Parameter& unit(std::string name) {
    unit_ = std::move(name);
    return *this;
  }
  /// Who starts the pipeline may set it; it does not change while it runs.
  Parameter& at_start() {
    settable_ = Settable::at_start;
    return *this;
  }
  /// Nothing but the pipeline file sets it: an address, a file.
  Parameter& fixed() {
    settable_ = Settable::in_file;
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
  std::string_view type() const override;
  Json limits() const override { return low_ ? Json::array({*low_, *high_}) : Json(); }
  Json choices() const override { return choices_.empty() ? Json() : Json(choices_); }

 private:
  T parse(const Json& value) const;
  T value_;
  std::unique_ptr<T> low_, high_;
  std::vector<T> choices_;
};

// bool, std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>,
// Json (any); defined in parameter.cpp.

}  // namespace sagittal::stream
