#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/progress.h"
#include "stream/condition.h"
#include "stream/parameter.h"
#include "stream/port.h"
#include "stream/run_control.h"

namespace sagittal::stream {

class FramePool;

/// What only one operator can do: its name, as "snapshot", and a sentence on what it does and takes.
struct OperatorCommand {
  /// `arguments`: an object, or whatever else came along; null for nothing. Called between two runs of `compute`.
  using Answer = std::function<Json(const Json& arguments)>;
  using AnyAnswer = std::function<Json(std::string_view name, const Json& arguments)>;
  static constexpr std::string_view kAny = "*";

  std::string name, description;
  AnyAnswer answer;
};

/// What an operator says of itself, once, before anything runs.
class Setup {
 public:
  /// Port names are unique among the operator's inputs, and among its outputs.
  template <class T>
  InputPort& input(Input<T>& port, std::string name) {
    return add(static_cast<InputPort&>(port), std::move(name));
  }
  template <class T>
  OutputPort& output(Output<T>& port, std::string name) {
    return add(static_cast<OutputPort&>(port), std::move(name));
  }
  /// The parameter's value is its default.
  template <class T>
  Parameter<T>& parameter(Parameter<T>& parameter, std::string name, std::string description) {
    add(static_cast<ParameterBase&>(parameter), std::move(name), std::move(description));
    return parameter;
  }
  void command(std::string name, std::string description, OperatorCommand::Answer answer);
  /// All names that no other command has; said as "*".
  void any_command(std::string description, OperatorCommand::AnyAnswer answer);
  /// The operator runs when one of these inputs has what it needs, not only when all have.
  void any_of(std::vector<const InputPort*> ports) { groups_.push_back(std::move(ports)); }
  /// The operator runs when `event` is notified, whatever else it waits for.
  void runs_on(AsyncEvent& event) { event_ = &event; }
  /// What holds where the pipeline says nothing.
  Conditions& conditions() { return conditions_; }

  const std::vector<InputPort*>& inputs() const { return inputs_; }
  const std::vector<OutputPort*>& outputs() const { return outputs_; }
  const std::vector<ParameterBase*>& parameters() const { return parameters_; }
  const std::vector<OperatorCommand>& commands() const { return commands_; }
  const std::vector<std::vector<const InputPort*>>& groups() const { return groups_; }
  AsyncEvent* event() const { return event_; }
  const Conditions& conditions() const { return conditions_; }
  /// Null where there is none of this name.
  ParameterBase* find_parameter(std::string_view name) const;
  /// Error(not_found) that names those there are, nearest first.
  ParameterBase& parameter(std::string_view name) const;
  /// What the operator's command gives. Error(unsupported) that names those there are, and what the command throws.
  Json ask(std::string_view command, const Json& arguments) const;
  /// {"parameters": [what `ParameterBase::describe` gives], "commands": [{"name", "description"}]}
  Json describe() const;

 private:
  InputPort& add(InputPort& port, std::string name);
  OutputPort& add(OutputPort& port, std::string name);
  void add(ParameterBase& parameter, std::string name, std::string description);

  std::vector<InputPort*> inputs_;
  std::vector<OutputPort*> outputs_;
  std::vector<ParameterBase*> parameters_;
  std::vector<OperatorCommand> commands_;
  std::vector<std::vector<const InputPort*>> groups_;
  AsyncEvent* event_ = nullptr;
  Conditions conditions_;
};

/// What an operator may ask of what runs it. Valid from `start` to `stop`.
class Context {
 public:
  virtual const std::string& name() const = 0;
  virtual SteadyTime now() const = 0;
  virtual UtcTime utc_now() const = 0;
  /// Memory for frames, shared by all operators. Any thread.
  virtual FramePool& frames() = 0;
  /// Any thread; never called with a lock held.
  virtual void log(LogLevel level, std::string_view text) = 0;
  /// `compute` is not called before this time, whatever waits; for this once.
  virtual void not_before(SteadyTime time) = 0;
  /// `compute` is not called any more.
  virtual void finish() = 0;
  /// The whole pipeline ends after what runs now.
  virtual void stop_all(std::string_view why) = 0;
  /// Cancelled once the run is to end: work that takes long gives up then, by Error(cancelled).
  virtual CancelToken ending() const = 0;
  /// What peers may change, asked by an operator's own threads. It lives as long as the run.
  virtual RunControl& control() = 0;

 protected:
  ~Context() = default;
};

/// A step of a pipeline. Its functions are called one at a time, `compute` from any of the run's threads; exceptions
/// end the pipeline unless it says otherwise, with what `Error` says behind the operator's name.
class Operator {
 public:
  virtual ~Operator() = default;
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;

  /// Declares ports and parameters, which are members, and commands.
  virtual void setup(Setup& setup) = 0;
  /// Parameters are set; what is needed for the run is taken here.
  virtual void start() {}
  /// Called whenever all conditions hold. Should not wait for anything.
  virtual void compute() = 0;
  /// Whatever `start` took is given back; called once for each `start` that returned.
  virtual void stop() {}
  /// Parameters have changed. Called before the next `compute`.
  virtual void parameters_changed() {}
  /// What it counts, for people: an object, shown with the statistics. Called between two calls of `compute`.
  virtual Json counters() const { return Json::object(); }

  Context& context() const { return *context_; }

 protected:
  Operator() = default;

 private:
  friend class Engine;
  Context* context_ = nullptr;
};

}  // namespace sagittal::stream
