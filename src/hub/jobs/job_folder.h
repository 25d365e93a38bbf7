#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

#include "hub/jobs/work_json.h"

namespace sagittal::hub {

/// The folder of a job: `request.json`, `given/` (inputs that came with it), `in/` (staged), `out/` (what the model
/// wrote), `log.txt`, and at the end `record.json`.

/// Error(not_found | bad_input) where there is none that can be believed.
JobRequest read_request(const std::filesystem::path& folder);

/// Nothing where there is no record. Error(bad_input) for a forged one.
std::optional<WorkEnd> read_end(const std::filesystem::path& folder);
/// A reader sees no record or the whole one, also after a crash.
void write_end(const std::filesystem::path& folder, const WorkEnd& end);

/// `in` and `given`; never fails.
void remove_staged(const std::filesystem::path& folder) noexcept;
/// `out`; never fails.
void remove_outputs(const std::filesystem::path& folder) noexcept;

/// Of all files; links are not followed.
std::uint64_t bytes_below(const std::filesystem::path& folder);

/// The file of an output: a regular one, reached without a link. Error(not_found), also for a path that leads out of
/// `out`.
std::filesystem::path output_file(const std::filesystem::path& folder, const std::string& path);

/// Copies the files of `out` to `target`, which must not be there yet: whole or not at all. Links and what is no file
/// are left out. Error(conflict | io).
void copy_outputs(const std::filesystem::path& folder, const std::filesystem::path& target);

}  // namespace sagittal::hub
