#include <filesystem>
#include <string>

#include <fmt/format.h>

#include "base/bytes.h"
#include "cli_reference.h"
#include "commands.h"

namespace sagittal::commands {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& file, const std::string& text) { write_file_atomically(file, as_bytes(text)); }

void write_pages(const reference::Command& command, const fs::path& folder) {
  write(folder / (reference::page_name(command) + ".1"), reference::man_page(command, SAGITTAL_VERSION));
  for (const reference::Command& below : command.commands) write_pages(below, folder);
}

void write_reference(const CLI::App& app, const fs::path& folder) {
  const reference::Command program = reference::describe(app);
  fs::create_directories(folder / "man1");
  write_pages(program, folder / "man1");
  write(folder / "cli.md", reference::markdown(program));
  write(folder / "cli.json", reference::json(program));
}

}  // namespace

void add_reference(CLI::App& app) {
  const auto folder = std::make_shared<std::string>();
  CLI::App* pages = app.add_subcommand("reference", "Write man1/, cli.md and cli.json");
  pages->group("");
  pages->add_option("folder", *folder)->required();
  pages->callback([&app, folder] { write_reference(app, *folder); });

  CLI::App* complete = app.add_subcommand("complete", "What may stand where the last word begins, one a line");
  complete->group("");
  complete->prefix_command();
  complete->set_help_flag();  // --help is a word like others
  complete->callback([&app, complete] {
    for (const reference::Candidate& candidate : reference::complete(reference::describe(app), complete->remaining()))
      fmt::print("{}\t{}\n", candidate.word, candidate.help);
  });
}

}  // namespace sagittal::commands
