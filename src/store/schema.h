#pragma once
#include <filesystem>
#include <span>

#include "base/log.h"
#include "store/database.h"

namespace sagittal::durable {

/// Statements that make the tables of version n + 1 of those of version n; version 0 is an empty file. A step that was
/// released never changes again.
using SchemaSteps = std::span<const char* const>;

/// Gives a database the tables of the newest version, by all the steps that it lacks in one transaction. What an older
/// version wrote is copied to "<file>.version-<n>" before, and `log` is told. Error(unsupported) for a newer version's,
/// which stays as it is; Error(io) where the copy cannot be written. Several processes may call it at once.
void bring_up_to_date(Database& database, const std::filesystem::path& file, SchemaSteps steps,
                      const LogSink& log = {});

}  // namespace sagittal::durable
