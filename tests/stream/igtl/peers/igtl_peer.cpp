// An endpoint that Python scripts speak with: igtl_peer server|client PORT [auto|1|2]. It sends back to everybody what
// it receives, obeys commands, and says on standard output what happens, a line each. It ends with its standard input.
#include <cstdio>
#include <iostream>
#include <mutex>
#include <string>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "stream/igtl/endpoint.h"

namespace {

using namespace sagittal;
using namespace sagittal::igtl;

void say(const std::string& line) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

CommandReply obey(const CommandCall& call) {
  if (call.command.name == "Fail") throw Error(ErrorCode::conflict, "as was wished");
  return {.good = true, .text = "did " + call.command.name};
}

Outgoing picture() {
  Outgoing message{.type = "IMAGE", .device = "Picture"};
  Image image;
  image.components = 3;
  image.frame.size = image.frame.part_size = {4, 3, 1};
  message.content = write_image_head(image);
  message.content.resize(message.content.size() + image.part_bytes(), 7);
  return message;
}

std::string in_words(const Counters& counters) {
  return fmt::format("received {} sent {} dropped {} refused {} bad {} skipped {}", counters.received, counters.sent,
                     counters.dropped, counters.refused, counters.bad_checksums, counters.skipped);
}

void echo(Endpoint& endpoint, const Arrival& arrival) {
  const Received& received = arrival.message;
  say(fmt::format("message {} \"{}\" v{} {} bytes", received.header.type, received.header.device,
                  received.header.version, received.content.size()));
  Outgoing message{.type = received.header.type,
                   .device = received.header.device,
                   .timestamp = received.header.timestamp,
                   .message_id = received.message_id,
                   .metadata = received.metadata};
  message.bulk = received.content;
  endpoint.send(std::move(message), arrival.body);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  EndpointSettings settings;
  settings.role = std::string(argv[1]) == "client" ? Role::client : Role::server;
  settings.port = parse_number<std::uint16_t>(argv[2]).value_or(0);
  settings.header_version = argc > 3 ? parse_number<int>(argv[3]).value_or(0) : 0;
  settings.push_on_connect = {"TRANSFORM", "STRING"};
  settings.first_retry = settings.longest_retry = std::chrono::milliseconds(50);
  try {
    std::unique_ptr<Endpoint> endpoint;
    std::mutex made;
    EndpointHandlers handlers;
    handlers.message = [&](const Arrival& arrival) {
      { const std::lock_guard wait_until_made(made); }
      echo(*endpoint, arrival);
    };
    handlers.command = obey;
    handlers.connected = [](const PeerInfo& peer) { say(fmt::format("connected {}", peer.connection)); };
    handlers.disconnected = [](const PeerInfo& peer, std::string_view why) {
      say(fmt::format("disconnected {} {}", peer.connection, why));
    };
    {
      const std::lock_guard making(made);
      endpoint = std::make_unique<Endpoint>(settings, handlers);
    }
    say(fmt::format("port {}", endpoint->port()));
    for (std::string line; std::getline(std::cin, line);) {
      if (line == "image") {
        endpoint->send(picture());
      } else {
        say(in_words(endpoint->counters()));
      }
    }
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "igtl_peer: %s\n", error.what());
    return 1;
  }
}
