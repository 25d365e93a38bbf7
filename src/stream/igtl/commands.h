#pragma once
#include <optional>

#include "stream/igtl/endpoint.h"

namespace sagittal::igtl {

/// The command that a COMMAND is, or a STRING to "CMD_…" with <Command Name="…"/> in it; nothing: neither.
std::optional<CommandCall> read_call(const Arrival& arrival);
/// As Plus answers: RTS_COMMAND with text and metadata, or a STRING from "ACK_…".
SharedMessagePtr write_reply(const Header& asked, const CommandCall& call, const CommandReply& reply);

}  // namespace sagittal::igtl
