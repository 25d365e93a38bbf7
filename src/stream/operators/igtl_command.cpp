#include <fmt/format.h>

#include "base/error.h"
#include "base/log_limit.h"
#include "base/xml.h"
#include "stream/igtl/contents.h"
#include "stream/operators/igtl_link.h"
#include "stream/operators/igtl_plus.h"
#include "stream/values.h"

namespace sagittal::stream {
namespace {

constexpr std::size_t kWaiting = 100;
constexpr std::size_t kShown = 1000;  // bytes of an answer, to people
constexpr std::chrono::milliseconds kLastWords{1000};
constexpr const char* kSender = "Sagittal";

/// How it went: "SUCCESS", "FAIL"; empty where the answer does not say. Peers of version 1 say it in their XML alone.
std::string status_of(const std::string& xml, const Metadata& metadata) {
  if (const std::string* said = metadata.find("Status")) return *said;
  std::string status;
  try {
    read_xml(xml, "an answer", [&](const auto& path, const XmlAttributes& attributes) {
      const auto found = attributes.find("Status");
      if (path.size() == 1 && found != attributes.end()) status = found->second;
    });
  } catch (const Error&) {  // an answer may be any text
    return {};
  }
  return status;
}

class IgtlCommand final : public Operator {
 public:
  explicit IgtlCommand(std::shared_ptr<IgtlLinks> links) : links_(std::move(links)) {}

  void setup(Setup& setup) override {
    setup.output(answer_, "answer").live();
    setup.runs_on(event_);
    setup.parameter(on_connect_, "on_connect", "commands to each peer that connects: [{name: StartRecording, …}]")
        .fixed();
    setup.parameter(at_end_, "at_end", "commands when the pipeline ends").fixed();
    setup.any_command(
        "a command to the peers, what comes along as its attributes: StartRecording {\"OutputFilename\": …}",
        [this](std::string_view name, const Json& arguments) { return send(name, arguments); });
    connection_.declare(setup, false);
  }
  void start() override {
    sent_ = 0, answered_ = 0, failed_ = 0, last_ = nullptr;
    const auto first = commands_of(*on_connect_), last = commands_of(*at_end_);
    inbox_ = std::make_unique<IgtlInbox>(event_, kWaiting, IgtlInbox::Kind::answers);
    log_ = limited([this](LogLevel level, std::string_view text) { context().log(level, text); });
    link_ = links_->open(connection_, context(), inbox_.get());
    for (const igtl::Command& command : first) link_->endpoint().greet(message_of(command));
  }
  void stop() override {
    for (const igtl::Command& command : commands_of(*at_end_)) link_->endpoint().send(message_of(command));
    link_->endpoint().flush(kLastWords);
    link_->leave(*inbox_);
    link_.reset();
    inbox_.reset();
  }
  void compute() override {
    for (Message& message : inbox_->take_all()) take(std::move(message));
  }
  Json counters() const override {
    return {{"sent", sent_}, {"answered", answered_}, {"failed", failed_}, {"last", last_}};
  }

 private:
  static std::vector<igtl::Command> commands_of(const Json& list) {
    std::vector<igtl::Command> out;
    if (list.is_null()) return out;
    if (!list.is_array()) throw Error(ErrorCode::bad_input, "expected a list of commands");
    for (const Json& one : list) out.push_back(plus_command_of(one));
    return out;
  }
  Json send(std::string_view name, const Json& arguments) {
    Json whole = arguments.is_null() ? Json::object() : arguments;
    if (whole.is_object()) whole["name"] = name;
    const igtl::Command command = plus_command_of(whole);
    if (link_->endpoint().peers().empty()) throw Error(ErrorCode::unavailable, "nobody is connected");
    link_->endpoint().send(message_of(command));
    return {{"sent", command.text.text}};
  }
  igtl::Outgoing message_of(igtl::Command command) {
    command.id = link_->next_command_id();
    igtl::Outgoing message{.type = "COMMAND", .device = kSender};
    message.content = igtl::write_command(command);
    ++sent_;
    return message;
  }
  void take(Message message) {
    const std::string& text = value_in<Text>(message)->text;
    Envelope& envelope = message.envelope;
    const std::string status = status_of(text, envelope.metadata);
    ++answered_;
    if (status == "FAIL") ++failed_;
    const std::string shown = text.substr(0, kShown);
    log_(status == "FAIL" ? LogLevel::warning : LogLevel::info,
         fmt::format("{}: {}", envelope.device, text.empty() ? status : shown));
    last_ = {{"command", envelope.device}, {"status", status}, {"answer", shown}};
    envelope.metadata.set("Status", status);
    answer_.send(Text{text}, std::move(envelope));
  }

  std::shared_ptr<IgtlLinks> links_;
  AsyncEvent event_;
  IgtlParameters connection_;
  Parameter<Json> on_connect_, at_end_;
  Output<Text> answer_;
  std::unique_ptr<IgtlInbox> inbox_;
  std::shared_ptr<IgtlLink> link_;
  std::uint64_t sent_ = 0, answered_ = 0, failed_ = 0;
  LogSink log_;
  Json last_;  // answer
};

}  // namespace

std::unique_ptr<Operator> make_igtl_command(std::shared_ptr<IgtlLinks> links) {
  return std::make_unique<IgtlCommand>(std::move(links));
}

}  // namespace sagittal::stream
