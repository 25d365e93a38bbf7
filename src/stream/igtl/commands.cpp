#include "stream/igtl/commands.h"

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/xml.h"

namespace sagittal::igtl {
namespace {

constexpr std::string_view kAsked = "CMD_", kAnswered = "ACK_";

/// The value of Name="…"; empty where there is none.
std::string name_in(std::string_view xml) {
  constexpr std::string_view key = " Name=\"";
  const std::size_t found = xml.find(key);
  if (found == std::string_view::npos) return {};
  const std::string_view rest = xml.substr(found + key.size());
  return std::string(rest.substr(0, std::min(rest.find('"'), rest.size())));
}

std::string reply_text(const std::string& name, const CommandReply& reply) {
  const std::string text = escape_xml(reply.text);
  return fmt::format("<CommandReply{} Status=\"{}\"{} Message=\"{}\" />",
                     name.empty() ? "" : fmt::format(" Name=\"{}\"", escape_xml(name)), reply.good ? "SUCCESS" : "FAIL",
                     reply.good ? "" : fmt::format(" Error=\"{}\"", text), text);
}

}  // namespace

std::optional<CommandCall> read_call(const Arrival& arrival) {
  const Header& header = arrival.message.header;
  CommandCall call{.connection = arrival.connection, .command = {}, .metadata = arrival.message.metadata};
  if (header.type == "COMMAND") {
    call.command = read_command(arrival.message.content);
    return call;
  }
  if (header.type != "STRING" || !header.device.starts_with(kAsked)) return std::nullopt;
  call.command.text = read_string(arrival.message.content);
  call.command.name = name_in(call.command.text.text);
  return call;
}

SharedMessagePtr write_reply(const Header& asked, const CommandCall& call, const CommandReply& reply) {
  Outgoing message{.type = "RTS_COMMAND", .device = asked.device};
  message.timestamp = timestamp_of(std::chrono::system_clock::now());
  if (asked.type == "STRING") {
    message.type = "STRING";
    message.device.replace(0, kAsked.size(), kAnswered);
    message.content = write_string({reply_text("", reply)});
    return std::make_shared<SharedMessage>(std::move(message), nullptr);
  }
  message.content = write_command({call.command.id, call.command.name, {reply_text(call.command.name, reply)}});
  message.metadata = reply.metadata;
  message.metadata.push_back({"Status", reply.good ? "SUCCESS" : "FAIL"});
  message.metadata.push_back({reply.good ? "Message" : "Error", reply.text});
  return std::make_shared<SharedMessage>(std::move(message), nullptr);
}

}  // namespace sagittal::igtl
