#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_client.h"

namespace sagittal::hub {

/// Where `docker login` and `podman login` keep passwords: $REGISTRY_AUTH_FILE, else config.json in $DOCKER_CONFIG or
/// ~/.docker. Empty where none of these is set.
std::filesystem::path registry_login_file();

/// User and password for a registry ("ghcr.io", "localhost:5000"; "docker.io" is Docker Hub), of a file's "auths"; its
/// programs that keep passwords are not asked. Nothing where it names none. Error(bad_input) for a text that is no such
/// file. Format: containers-auth.json(5).
std::optional<net::HttpKey> parse_registry_login(std::string_view text, std::string_view registry);

/// The same of a file, which need not be there. Error(too_large) above 1 MiB.
std::optional<net::HttpKey> read_registry_login(const std::filesystem::path& file, std::string_view registry);

}  // namespace sagittal::hub
