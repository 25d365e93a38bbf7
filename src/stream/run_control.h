#pragma once
#include <string>
#include <string_view>

#include "base/json.h"

namespace sagittal::stream {

/// Changes a pipeline while it runs. Any thread, but not inside an operator's own functions, which it waits for.
class RunControl {
 public:
  /// What follows reaches the operator between two runs of its `compute`, and returns when it is done. Error(not_found)
  /// for an operator or parameter that is not there, Error(bad_input) for a value that does not fit, Error(conflict)
  /// for a parameter that is fixed while it runs, Error(unavailable) where the operator is busy for 10 s, Error(gone)
  /// once the run has ended.
  virtual void set_parameter(std::string_view op, std::string_view parameter, const Json& value) = 0;
  virtual Json command(std::string_view op, std::string_view name, const Json& arguments) = 0;
  virtual void enable(std::string_view op, bool enabled) = 0;
  /// As `to_json(Statistics)` gives it.
  virtual Json describe() const = 0;
  virtual void stop(std::string_view why) = 0;

 protected:
  ~RunControl() = default;
};

/// Does what a peer asks for in words, as OpenIGTLink's COMMAND carries them, and gives the answer:
///
///     SetParameter   one "operator.parameter=value" a line, or {"operator": {"parameter": value}}
///     Start, Stop    names of operators, one a line, to be switched on or off; Stop without any ends the pipeline
///     Command        {"operator": …, "name": …, "arguments": …}
///     GetStatistics
///
/// Error(unsupported) for another name, Error(bad_input) for a text that is not as said, and as `RunControl`.
std::string do_command(RunControl& control, std::string_view name, std::string_view text);

/// Names of commands that `do_command` knows.
bool is_control_command(std::string_view name);

}  // namespace sagittal::stream
