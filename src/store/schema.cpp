#include "store/schema.h"

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::durable {
namespace {

std::int64_t known_version(Database& database, const std::filesystem::path& file, std::int64_t newest) {
  Statement row(database, "PRAGMA user_version");
  const std::int64_t version = row.step() ? row.number(0) : 0;
  if (version >= 0 && version <= newest) return version;
  throw Error(ErrorCode::unsupported,
              fmt::format("{} was written by a newer version of Sagittal: its tables are of version {}, this program "
                          "knows up to {}; install that version again, or use another data folder",
                          file.string(), version, newest));
}

}  // namespace

void bring_up_to_date(Database& database, const std::filesystem::path& file, SchemaSteps steps, const LogSink& log) {
  const auto newest = static_cast<std::int64_t>(steps.size());
  if (known_version(database, file, newest) == newest) return;
  Transaction transaction(database);
  const std::int64_t before = known_version(database, file, newest);  // another process may have been faster
  if (before == newest) return;
  std::filesystem::path kept = file;
  kept += fmt::format(".version-{}", before);
  if (before > 0) database.copy_to(kept);
  for (std::int64_t version = before; version < newest; ++version)
    database.run(steps[static_cast<std::size_t>(version)]);
  database.run(fmt::format("PRAGMA user_version={}", newest).c_str());
  transaction.commit();
  if (log && before > 0) {
    log(LogLevel::info,
        fmt::format("{} has the tables of version {} now; as it was before: {}", file.string(), newest, kept.string()));
  }
}

}  // namespace sagittal::durable
