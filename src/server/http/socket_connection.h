#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/http/connection.h"

namespace sagittal::server::http {

/// A request that asks for a WebSocket, and what was decided on it.
struct Upgrade {
  Request head;
  const Route* route = nullptr;
  std::vector<Header> answer_headers;
  OnWebSocket on_open;
};

/// What is wrong with a request for the WebSocket of `route`, as the answer to it; none where it can be opened.
std::optional<Response> refuse_upgrade(const Request& head, const Shared& shared);

/// Answers the upgrade and serves the WebSocket until it is closed. On the strand of `stream`, on which nothing else
/// reads or writes any more.
void start_web_socket(std::shared_ptr<Transport> stream, const std::shared_ptr<Shared>& shared, std::string address,
                      Upgrade upgrade);

}  // namespace sagittal::server::http
