#pragma once
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

/// The command line described by its own declarations: what the manual pages, the reference page and the completion of
/// shells are made from. Hidden commands and options are left out.
namespace sagittal::reference {

/// An option, a flag or a positional argument.
struct Parameter {
  std::vector<std::string> names;    ///< as typed: "-o", "--output"; of a positional its name alone
  std::string value;                 ///< what follows it: "FILE", "INT"; empty for a flag
  std::vector<std::string> choices;  ///< the only values it takes; empty: any
  std::string range;                 ///< of a number: "0 to 65535"; empty: any
  std::string default_value;
  std::vector<std::string> needs;  ///< options that must be given with it
  std::string help;
  bool required = false;
  bool repeats = false;  ///< takes several values, or may be given several times
};

struct Command {
  std::string name;  ///< with those above it: "sagittal hub run"
  std::string help;
  std::vector<Parameter> positionals;
  std::vector<Parameter> options;
  std::vector<Command> commands;
};

Command describe(const CLI::App& app);

/// "sagittal hub run [OPTIONS] model [input...]"
std::string usage(const Command& command);

/// One word that may stand where the cursor is.
struct Candidate {
  std::string word;
  std::string help;
};

/// `words` are those after the program's name up to the cursor; the last one is begun, maybe empty. No candidate where
/// a file or any other text may stand.
std::vector<Candidate> complete(const Command& program, const std::vector<std::string>& words);

/// "sagittal-hub-run", the name of its page of the manual
std::string page_name(const Command& command);

/// A page of the manual's section 1 in man(7).
std::string man_page(const Command& command, const std::string& version);

/// The whole reference as one page of Markdown.
std::string markdown(const Command& program);

/// The same as JSON, for other tools.
std::string json(const Command& program);

}  // namespace sagittal::reference
