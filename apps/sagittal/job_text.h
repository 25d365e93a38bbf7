#pragma once
#include <filesystem>
#include <vector>

#include "hub/jobs/job.h"

namespace sagittal {

/// Jobs for people, on standard output.
void print_jobs(const std::vector<hub::Job>& jobs);

/// What came out: a line for each file and segment, then where it is.
void print_result(const hub::Job& job, const std::string& output);

/// The last lines of a log, on standard error.
void print_log_tail(const std::filesystem::path& log);

}  // namespace sagittal
