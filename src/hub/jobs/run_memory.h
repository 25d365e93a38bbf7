#pragma once
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include "hub/runners/sandbox.h"
#include "store/database.h"

namespace sagittal::hub {

/// What was learnt or agreed to about models, in `runs.db` of a data folder. Several processes share it. Error(io). Any
/// thread.
class RunMemory {
 public:
  explicit RunMemory(const std::filesystem::path& data_folder);

  struct Acceptance {
    std::string who;   ///< a key's name; empty: somebody at the command line
    std::string time;  ///< 2026-01-31T12:00:00Z
  };
  /// Nothing unless these very words were accepted for that model by `who`.
  std::optional<Acceptance> accepted(const std::string& model, const std::string& licence_text,
                                     const std::string& who) const;
  void accept(const std::string& model, const std::string& licence_id, const std::string& licence_text,
              const std::string& who);

  /// What an image, by its digest, bears; nothing before it was tried.
  std::optional<Hardening> hardening(const std::string& digest) const;
  void learn(const std::string& digest, Hardening hardening);

 private:
  mutable std::mutex mutex_;
  mutable durable::Database database_;  // guarded by mutex_
};

/// "read_only" or "writable_layer".
std::string_view name_of(Hardening hardening);

/// Whether the last lines of a log complain that files cannot be written: then a run in a writable layer may help.
bool speaks_of_read_only_files(std::string_view log_tail);

}  // namespace sagittal::hub
