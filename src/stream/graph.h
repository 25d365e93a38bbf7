#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "stream/operator.h"

namespace sagittal::stream {

/// What an exception of `compute` does.
enum class OnError {
  stop,  ///< the pipeline ends
  skip,  ///< it is counted and said; the operator goes on with the next message
};

/// What a pipeline says of an input: when it has what the operator needs (port.h).
struct InputOptions {
  std::string name;
  std::optional<std::size_t> messages = {};
  InputPort::Count count = InputPort::Count::together;
  std::optional<std::chrono::nanoseconds> after = {};
  bool optional = false;
};

/// What a pipeline says of an operator beside its parameters; what is empty is as the operator has it.
struct NodeOptions {
  std::optional<Periodic> periodic = {};
  std::optional<std::uint64_t> count = {};
  std::optional<bool> enabled = {};
  OnError on_error = OnError::stop;
  std::vector<InputOptions> inputs = {};
  std::vector<std::vector<std::string>> any_of = {};  ///< inputs that are alternatives
};

/// What a pipeline says of a flow; what is empty is as the ports have it.
struct FlowOptions {
  std::optional<std::size_t> capacity = {};
  std::optional<WhenFull> when_full = {};
};

/// Operators and the flows between them: a pipeline before it runs. Flows may go round in circles. One thread.
class Graph {
 public:
  static constexpr std::size_t kMaxNodes = 256, kMaxFlows = 1024;

  struct Node {
    std::string name, type;
    std::unique_ptr<Operator> op;
    Setup setup;
    Conditions conditions;
    OnError on_error = OnError::stop;
  };
  struct Flow {
    std::size_t from_node, from_port, to_node, to_port;
    QueueOptions queue;
    ValueType type;  ///< of what flows; of outputs that are like their inputs once `check` has found it
  };

  /// `name`: 1 to 64 letters, digits, "_" and "-", new here. `parameters`: an object; a name that the operator does not
  /// have is an Error(bad_input) that lists those it has. `type` is said in statistics.
  void add(std::string name, std::unique_ptr<Operator> op, const Json& parameters = Json::object(),
           const NodeOptions& options = {}, std::string type = {});

  /// From "operator.output" to "operator.input"; the port may be left out where there is one. Error(bad_input) for what
  /// there is not, for types that differ and for a flow that is there already.
  void connect(std::string_view from, std::string_view to, const FlowOptions& options = {});

  /// Error(bad_input) where an input that is not optional has no flow, naming all of them, for no operator at all, and
  /// where what goes through a switch or alike does not fit who takes it.
  void check();

  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<Flow>& flows() const { return flows_; }
  /// "camera.out -> resize.in".
  std::string describe(const Flow& flow) const;

 private:
  friend class Engine;
  void settle_types();
  std::vector<Node> nodes_;
  std::vector<Flow> flows_;
};

}  // namespace sagittal::stream
