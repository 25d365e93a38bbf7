#include "hub/licence.h"

#include <gtest/gtest.h>

#include "hub/card.h"

namespace sagittal::hub {
namespace {

TEST(Licence, NamesBecomeSpdxIds) {
  const std::pair<const char*, const char*> names[] = {{"Apache 2.0", "Apache-2.0"},
                                                       {"Apache License, Version 2.0", "Apache-2.0"},
                                                       {"MIT", "MIT"},
                                                       {"MIT license", "MIT"},
                                                       {"CC BY-NC 4.0", "CC-BY-NC-4.0"},
                                                       {"CC-BY-NC-SA-4.0", "CC-BY-NC-SA-4.0"},
                                                       {"cc by 4.0", "CC-BY-4.0"},
                                                       {"CC0 1.0", "CC0-1.0"},
                                                       {"AGPL v3.0", "AGPL-3.0"},
                                                       {"GPLv3", "GPL-3.0"},
                                                       {"GNU General Public License", "LicenseRef-GPL"},
                                                       {"BSD 3-Clause", "BSD-3-Clause"},
                                                       {"Ask us", "LicenseRef-ask-us"},
                                                       {"N/A", ""},
                                                       {"", ""}};
  for (const auto& [text, id] : names) EXPECT_EQ(parse_licence(text).id, id) << text;
}

TEST(Licence, OnlyWhatForbidsCommerceIsNonCommercial) {
  for (const char* text :
       {"CC BY-NC 4.0", "Creative Commons Attribution NonCommercial", "for academic use", "Research use only"})
    EXPECT_EQ(parse_licence(text).commercial_use, false) << text;
  for (const char* text : {"MIT", "CC BY-SA 4.0", "AGPL v3.0"})
    EXPECT_EQ(parse_licence(text).commercial_use, true) << text;
  for (const char* text : {"", "N/A", "Ask us"}) EXPECT_EQ(parse_licence(text).commercial_use, std::nullopt) << text;
}

TEST(Licence, AModelIsForCommerceIfAllItsPartsAre) {
  const auto use = [](const char* code, const char* weights) {
    ModelCard card;
    card.code_licence = parse_licence(code);
    card.weights_licence = parse_licence(weights);
    return commercial_use(card);
  };
  EXPECT_EQ(use("MIT", "Apache 2.0"), true);
  EXPECT_EQ(use("MIT", "CC BY-NC 4.0"), false);
  EXPECT_EQ(use("CC BY-NC 4.0", "MIT"), false);
  EXPECT_EQ(use("Apache 2.0", "N/A"), true) << "without weights the code decides";
  EXPECT_EQ(use("MIT", ""), std::nullopt);
  EXPECT_EQ(use("", "MIT"), std::nullopt);
}

}  // namespace
}  // namespace sagittal::hub
