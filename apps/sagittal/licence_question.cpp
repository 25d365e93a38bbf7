#include "licence_question.h"

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>

#include <fmt/format.h>

#include "base/text.h"

namespace sagittal {

bool can_ask() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

bool accepts_licence(std::string_view what, std::string_view licence, std::string_view licence_url) {
  fmt::print(stderr, "{}\nlicence: {}, {}\nDo you accept it? Type yes: ", what, licence, licence_url);
  std::string answer;
  std::getline(std::cin, answer);
  return lower_case(answer) == "yes";
}

}  // namespace sagittal
