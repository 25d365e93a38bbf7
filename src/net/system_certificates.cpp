#include "net/system_certificates.h"

#include <cstdlib>
#include <filesystem>

namespace sagittal::net {

std::string system_certificates() {
  if (const char* chosen = std::getenv("SSL_CERT_FILE"); chosen != nullptr && *chosen != '\0') return chosen;
  for (const char* file : {"/etc/ssl/certs/ca-certificates.crt",  // Debian, Ubuntu, Arch
                           "/etc/pki/tls/certs/ca-bundle.crt",    // Fedora, RHEL
                           "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/ca-bundle.pem"}) {  // SUSE
    std::error_code failure;
    if (std::filesystem::is_regular_file(file, failure)) return file;
  }
  return "";
}

}  // namespace sagittal::net
