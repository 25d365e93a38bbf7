#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

#include "base/error.h"

int main(int argc, char** argv) {
  CLI::App app("Sagittal: AI segmentation at the speed of a click");
  app.set_version_flag("--version", SAGITTAL_VERSION);
  app.require_subcommand(1);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const sagittal::Error& error) {
    std::fprintf(stderr, "sagittal: %s\n", error.what());
    return describe(error.code()).exit_code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sagittal: %s\n", error.what());
    return 1;
  }
}
