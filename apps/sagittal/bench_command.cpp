#include "commands.h"

namespace sagittal::commands {

void add_bench(CLI::App& app) {
  CLI::App* command = app.add_subcommand("bench", "Benchmarks to repeat on your machine");
  command->require_subcommand(1);
  add_bench_engine(*command);
  add_bench_stream(*command);
}

}  // namespace sagittal::commands
