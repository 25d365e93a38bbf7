#pragma once
#include <string>

namespace sagittal::net {

/// The certificates that this system trusts, PEM: $SSL_CERT_FILE, else the file of whichever Linux this is. Empty where
/// none is there; the libraries then look where they were built to look. They know Debian's place only.
std::string system_certificates();

}  // namespace sagittal::net
