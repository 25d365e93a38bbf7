#include <optional>

#include <fmt/format.h>

#include "stream/operators/igtl_link.h"
#include "stream/operators/igtl_plus.h"
#include "stream/operators/igtl_values.h"
#include "stream/operators/operators.h"

namespace sagittal::stream {
namespace {

constexpr std::chrono::milliseconds kLastWords{1000};

class IgtlInput final : public Operator {
 public:
  explicit IgtlInput(std::shared_ptr<IgtlLinks> links) : links_(std::move(links)) {}

  void setup(Setup& setup) override {
    setup.output(frame_, "frame").live();
    setup.output(transform_, "transform").live();
    setup.output(tracking_, "tracking").live();
    setup.output(text_, "text").live();
    setup.output(points_, "points").live();
    setup.output(polylines_, "polylines").live();
    setup.output(encoded_, "encoded").live();
    setup.output(command_, "command").live();
    setup.output(status_, "status").live();
    setup.runs_on(event_);
    setup.parameter(device_, "device", "only messages of this name; empty: of all");
    setup.parameter(waiting_, "waiting", "of each name and type, messages that wait here at most")
        .between(1, 10'000)
        .fixed();
    setup.parameter(control_, "control", "peers may change settings and stop the pipeline by COMMAND and STRING")
        .fixed();
    setup.parameter(client_info_, "client_info", "what a PlusServer is asked for: {images: [ImageToReference], …}")
        .fixed();
    connection_.declare(setup, false);
  }
  void start() override {
    std::optional<igtl::Outgoing> wishes;
    if (!client_info_->is_null()) wishes = wishes_message();
    inbox_ = std::make_unique<IgtlInbox>(event_, static_cast<std::size_t>(*waiting_));
    received_ = 0;
    link_ = links_->open(connection_, context(), inbox_.get());
    if (wishes) link_->endpoint().greet(std::move(*wishes));
    if (*control_) link_->set_control(&context().control());
  }
  void stop() override {
    if (*control_) link_->set_control(nullptr);
    link_->leave(*inbox_);
    last_ = counters();
    link_.reset();
    inbox_.reset();
  }
  void compute() override {
    for (Message& message : inbox_->take_all()) {
      if (!device_->empty() && message.envelope.device != *device_) continue;
      message.envelope.sequence = ++received_;
      send(message);
    }
  }
  Json counters() const override {
    if (!link_) return last_;
    Json all = link_->counters();
    all["port"] = link_->endpoint().port();
    all["dropped_here"] = inbox_->dropped();
    return all;
  }

 private:
  igtl::Outgoing wishes_message() const {
    igtl::ClientInfo wishes = client_info_of(*client_info_);
    // Else Plus falls back to 1 until it is sent the next message of 2.
    wishes.header_version = connection_.settings().header_version == 2 ? 2 : 1;
    igtl::Outgoing message{.type = "CLIENTINFO", .device = "Sagittal"};
    message.content = igtl::write_client_info(wishes);
    return message;
  }
  void send(Message& message) {
    const bool known = send_as(frame_, message) || send_as(transform_, message) || send_as(tracking_, message) ||
                       send_as(text_, message) || send_as(points_, message) || send_as(polylines_, message) ||
                       send_as(encoded_, message) || send_as(command_, message) || send_as(status_, message);
    if (!known) throw Error(ErrorCode::internal, fmt::format("no port for {}", message.type.name));
  }
  template <class T>
  static bool send_as(Output<T>& port, Message& message) {
    if (!(message.type == value_type<T>())) return false;
    port.send(std::static_pointer_cast<const T>(std::move(message.value)), std::move(message.envelope));
    return true;
  }

  std::shared_ptr<IgtlLinks> links_;
  AsyncEvent event_;
  IgtlParameters connection_;
  Parameter<std::string> device_;
  Parameter<std::int64_t> waiting_{4};
  Parameter<bool> control_{false};
  Parameter<Json> client_info_;
  Output<Frame> frame_;
  Output<Transform> transform_;
  Output<Tracking> tracking_;
  Output<Text> text_;
  Output<Points> points_;
  Output<Polylines> polylines_;
  Output<Encoded> encoded_;
  Output<Command> command_;
  Output<Status> status_;
  std::unique_ptr<IgtlInbox> inbox_;
  std::shared_ptr<IgtlLink> link_;
  std::uint64_t received_ = 0;
  Json last_ = Json::object();  // counters of the run that is over
};

class IgtlOutput final : public Operator {
 public:
  explicit IgtlOutput(std::shared_ptr<IgtlLinks> links) : links_(std::move(links)) {}

  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.parameter(device_, "device", "name of what goes; empty: as it comes");
    setup.parameter(metadata_, "metadata", "whether acquisition time, number and latency go along as metadata");
    setup.command("connections", "who is connected now", [this](const Json&) { return counters(); });
    connection_.declare(setup, true);
  }
  void start() override {
    names_.clear(), taken_.clear();
    link_ = links_->open(connection_, context());
  }
  void stop() override {
    link_->endpoint().flush(kLastWords);
    last_ = counters();
    link_.reset();
  }
  void compute() override {
    while (auto message = in_.try_take()) send(*message);
  }
  Json counters() const override {
    if (!link_) return last_;
    Json all = link_->counters();
    all["port"] = link_->endpoint().port();
    return all;
  }

 private:
  void send(const Message& message) {
    OutgoingValue out = outgoing_of(message, *metadata_ ? context().utc_now() : 0, context().frames());
    if (!*metadata_) {
      std::erase_if(out.message.metadata,
                    [](const auto& entry) { return entry.key == kAcquiredKey || entry.key == kNumberKey; });
    }
    if (!device_->empty()) out.message.device = *device_;
    rename(out.message);
    link_->endpoint().send(std::move(out.message), std::move(out.owner));
  }

  /// Names of more than 20 bytes are cut, differently where they would become one; the whole one goes as metadata.
  void rename(igtl::Outgoing& message) {
    if (message.device.size() <= igtl::kNameBytes && !taken_.contains(message.device)) return;
    auto found = names_.find(message.device);
    if (found == names_.end()) found = names_.emplace(message.device, new_name(message.device)).first;
    message.metadata.push_back({std::string(kDeviceNameKey), message.device});
    message.device = found->second;
  }
  std::string new_name(const std::string& whole) {
    if (names_.size() >= kMaxNames)
      throw Error(ErrorCode::too_large, fmt::format("more than {} long names", kMaxNames));
    std::string cut = whole.substr(0, igtl::kNameBytes);
    for (std::size_t n = 2; taken_.contains(cut); ++n) {
      const std::string end = fmt::format("~{}", n);
      cut = whole.substr(0, igtl::kNameBytes - end.size()) + end;
    }
    taken_.insert(cut);
    return cut;
  }

  static constexpr std::size_t kMaxNames = 1000;
  std::shared_ptr<IgtlLinks> links_;
  IgtlParameters connection_;
  Parameter<std::string> device_;
  Parameter<bool> metadata_{true};
  Input<Any> in_;
  std::shared_ptr<IgtlLink> link_;
  std::map<std::string, std::string> names_;  // whole -> cut
  std::set<std::string> taken_;               // those that were cut
  Json last_ = Json::object();                // counters of the run that is over
};

}  // namespace

void add_igtl_operators(OperatorRegistry& registry) {
  const auto links = std::make_shared<IgtlLinks>();
  registry.add({"igtl_input", "Takes what OpenIGTLink peers send: Plus, 3D Slicer, trackers.",
                [links] { return std::make_unique<IgtlInput>(links); }});
  registry.add({"igtl_output", "Sends whatever comes to OpenIGTLink peers: 3D Slicer, Plus, Holoscan.",
                [links] { return std::make_unique<IgtlOutput>(links); }});
  registry.add({"igtl_command", "Sends commands to OpenIGTLink peers, as Plus, and tells their answers.",
                [links] { return make_igtl_command(links); }});
}

}  // namespace sagittal::stream
