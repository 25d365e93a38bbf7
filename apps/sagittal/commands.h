#pragma once
#include <CLI/CLI.hpp>

/// Each function adds its subcommand to `app`; the work is done in the subcommand's callback, which throws
/// sagittal::Error. Results go to standard output, messages to standard error.
namespace sagittal::commands {

void add_bench(CLI::App& app);
/// `engine` and `stream`, below the command `bench`.
void add_bench_engine(CLI::App& bench);
void add_bench_stream(CLI::App& bench);
void add_convert(CLI::App& app);
void add_doctor(CLI::App& app);
void add_hub(CLI::App& app);
/// `run`; `jobs`, `logs`, `cancel`, `pull` and `remove`; and the hidden `work`, below the command `hub`.
void add_hub_run(CLI::App& hub);
void add_hub_jobs(CLI::App& hub);
void add_hub_images(CLI::App& hub);
void add_hub_work(CLI::App& hub);
void add_info(CLI::App& app);
void add_key(CLI::App& app);
void add_model(CLI::App& app);
/// `fetch`, below the command `model`.
void add_model_fetch(CLI::App& model);
void add_predict(CLI::App& app);
/// The hidden `reference` and `complete`, which describe all of `app`; it must outlive the parsing.
void add_reference(CLI::App& app);
void add_segment(CLI::App& app);
void add_serve(CLI::App& app);
void add_stream(CLI::App& app);
/// `record`, `play`, `fetch` and `view`, below the command `stream`.
void add_stream_record(CLI::App& stream);
void add_stream_play(CLI::App& stream);
void add_stream_fetch(CLI::App& stream);
void add_stream_view(CLI::App& stream);

}  // namespace sagittal::commands
