#include "stream/operator.h"

#include <algorithm>

#include <fmt/format.h>

#include "stream/names.h"

namespace sagittal::stream {
namespace {

template <class Part>
void check_new(const std::vector<Part*>& parts, const std::string& name, std::string_view what) {
  const bool there = std::any_of(parts.begin(), parts.end(), [&](const Part* part) { return part->name() == name; });
  if (there || name.empty()) throw Error(ErrorCode::internal, fmt::format("{} \"{}\" is declared twice", what, name));
}

}  // namespace

InputPort& Setup::add(InputPort& port, std::string name) {
  check_new(inputs_, name, "input");
  port.name_ = std::move(name);
  inputs_.push_back(&port);
  return port;
}

OutputPort& Setup::add(OutputPort& port, std::string name) {
  check_new(outputs_, name, "output");
  port.name_ = std::move(name);
  outputs_.push_back(&port);
  return port;
}

void Setup::add(ParameterBase& parameter, std::string name, std::string description) {
  check_new(parameters_, name, "parameter");
  parameter.name_ = std::move(name);
  parameter.description_ = std::move(description);
  parameter.default_ = parameter.value();
  parameters_.push_back(&parameter);
}

ParameterBase* Setup::find_parameter(std::string_view name) const {
  const auto found =
      std::find_if(parameters_.begin(), parameters_.end(), [&](const auto* known) { return known->name() == name; });
  return found == parameters_.end() ? nullptr : *found;
}

ParameterBase& Setup::parameter(std::string_view name) const {
  if (ParameterBase* const found = find_parameter(name)) return *found;
  throw Error(ErrorCode::not_found,
              fmt::format("there is no parameter \"{}\"{}", name.substr(0, 100), there_are_of(parameters_, name)));
}

void Setup::command(std::string name, std::string description, OperatorCommand::Answer answer) {
  commands_.push_back(
      {std::move(name), std::move(description),
       [answer = std::move(answer)](std::string_view, const Json& arguments) { return answer(arguments); }});
}

void Setup::any_command(std::string description, OperatorCommand::AnyAnswer answer) {
  commands_.push_back({std::string(OperatorCommand::kAny), std::move(description), std::move(answer)});
}

Json Setup::ask(std::string_view command, const Json& arguments) const {
  const OperatorCommand* any = nullptr;
  for (const OperatorCommand& known : commands_) {
    if (known.name == OperatorCommand::kAny) {
      any = &known;
    } else if (known.name == command) {
      return known.answer(command, arguments);
    }
  }
  if (any != nullptr) return any->answer(command, arguments);
  throw Error(ErrorCode::unsupported,
              fmt::format("it knows no command \"{}\"{}", command.substr(0, 100), there_are_of(commands_, command)));
}

Json Setup::describe() const {
  Json parameters = Json::array(), commands = Json::array();
  for (const ParameterBase* parameter : parameters_) parameters.push_back(parameter->describe());
  for (const OperatorCommand& known : commands_) {
    commands.push_back({{"name", known.name}, {"description", known.description}});
  }
  return {{"parameters", std::move(parameters)}, {"commands", std::move(commands)}};
}

InputPort& InputPort::optional() {
  optional_ = true;
  return *this;
}
InputPort& InputPort::needs(std::size_t messages, Count count) {
  needed_ = messages;
  count_ = count;
  return *this;
}
InputPort& InputPort::or_after(std::chrono::nanoseconds delay) {
  delay_ = delay;
  return *this;
}
InputPort& InputPort::queue(const QueueOptions& options) {
  queue_ = options;
  return *this;
}
void InputPort::throw_nothing_waits() const {
  throw Error(ErrorCode::internal, fmt::format("nothing waits at input \"{}\"", name_));
}
OutputPort& OutputPort::like(std::vector<const InputPort*> inputs) {
  like_ = std::move(inputs);
  return *this;
}
OutputPort& OutputPort::live() {
  live_ = true;
  return *this;
}

}  // namespace sagittal::stream
