#pragma once
#include <string>
#include <string_view>
#include <vector>

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
  virtual Json describe() = 0;
  virtual void stop(std::string_view why) = 0;

 protected:
  ~RunControl() = default;
};

/// What peers may ask a run for in words.
struct ControlCommand {
  std::string name, description;  ///< what its text holds, in Markdown
};
std::vector<ControlCommand> control_commands();
Json to_json(const ControlCommand& command);
bool is_control_command(std::string_view name);

/// Does what a peer asks for, as OpenIGTLink's COMMAND carries it, and gives the answer. Error(unsupported) for a name
/// that is none of `control_commands`, Error(bad_input) for a text that is not as they say, and as `RunControl`.
std::string do_command(RunControl& control, std::string_view name, std::string_view text);

}  // namespace sagittal::stream
