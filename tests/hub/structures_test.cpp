#include "hub/structures.h"

#include <gtest/gtest.h>

namespace sagittal::hub {
namespace {

TEST(Structures, IdsGetNamesColoursAndCodes) {
  const Structure kidney = structure_of("left_kidney");
  EXPECT_EQ(kidney.id, "LEFT_KIDNEY");
  EXPECT_EQ(kidney.name, "Left kidney");
  ASSERT_TRUE(kidney.codes);
  EXPECT_EQ(kidney.codes->type.value, "64033007");
  const Structure cyst = structure_of("LIVER+CYST");
  ASSERT_TRUE(cyst.codes && cyst.codes->region);
  EXPECT_EQ(cyst.codes->region->value, "10200004");
}

TEST(Structures, AnUnknownIdIsWhiteAndHasNoCodes) {
  const Structure unknown = structure_of("No Such Place");
  EXPECT_EQ(unknown.id, "NO_SUCH_PLACE");
  EXPECT_EQ(unknown.name, "No Such Place");
  EXPECT_FALSE(unknown.codes);
  EXPECT_EQ(colour_text(unknown.colour), "#ffffff");
}

TEST(Structures, ASearchTakesWordsIdsAndCodes) {
  const auto answers_to = [](const char* wanted) { return answers("LEFT_KIDNEY", "Left kidney", wanted); };
  for (const char* wanted : {"kidney", "LEFT_KIDNEY", "left kid", "64033007", "SCT:64033007", "sct:64033007"})
    EXPECT_TRUE(answers_to(wanted)) << wanted;
  for (const char* wanted : {"", "kidneys", "right kidney", "64033008", "FMA:64033007", "idney"})
    EXPECT_FALSE(answers_to(wanted)) << wanted;
  EXPECT_TRUE(answers("LIVER+CYST", "Cyst in liver", "10200004")) << "the organ's code";
}

}  // namespace
}  // namespace sagittal::hub
