#include "terms/terms.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace sagittal::terms {
namespace {

std::string id_of(const std::optional<Term>& term) { return term ? term->id : "none"; }

TEST(Terms, EveryEntryHasAnIdOfItsOwnAndFullCodes) {
  std::set<std::string> ids;
  for (const Term& term : all_terms()) {
    EXPECT_TRUE(ids.insert(term.id).second) << term.id;
    EXPECT_FALSE(term.name.empty()) << term.id;
    for (const Code& code : {term.codes.category, term.codes.type}) {
      EXPECT_FALSE(code.value.empty() || code.scheme.empty() || code.meaning.empty()) << term.id;
      EXPECT_LE(code.value.size(), 16U) << "DICOM's CodeValue is a short string: " << term.id;
      EXPECT_LE(code.meaning.size(), 64U) << "DICOM's CodeMeaning is a long string: " << term.id;
    }
  }
  EXPECT_GE(ids.size(), 169U);
}

TEST(Terms, AreFoundByIdNameAndModelClassInAnyCase) {
  EXPECT_EQ(id_of(find_term("LIVER")), "LIVER");
  EXPECT_EQ(id_of(find_term("left kidney")), "LEFT_KIDNEY");
  EXPECT_EQ(id_of(find_term("Kidney_Left")), "LEFT_KIDNEY");
  EXPECT_EQ(id_of(find_term("left-adrenal gland")), "LEFT_ADRENAL_GLAND");
  EXPECT_EQ(id_of(find_term("spinal_cord")), "SPINAL_CORD");
  EXPECT_EQ(id_of(find_term("liv")), "none");
  EXPECT_EQ(id_of(find_term("")), "none");
}

TEST(Terms, CarryCodesAndColour) {
  const Term kidney = *find_term("LEFT_KIDNEY");
  EXPECT_EQ(kidney.codes.category, (Code{"123037004", "SCT", "Body structure"}));
  EXPECT_EQ(kidney.codes.type, (Code{"64033007", "SCT", "Kidney structure"}));
  EXPECT_EQ(kidney.codes.modifier, (Code{"7771000", "SCT", "Left"}));
  EXPECT_EQ(kidney.colour, (Rgb{212, 126, 151}));
  EXPECT_EQ(find_term("FDG_AVID_TUMOR")->codes.category.scheme, "NCIt");
}

TEST(Terms, AreFoundByTheirCodes) {
  EXPECT_EQ(id_of(find_term(find_term("RIGHT_HIP")->codes)), "RIGHT_HIP");
  Terminology liver = find_term("LIVER")->codes;
  liver.type.meaning = "Leber";
  EXPECT_EQ(id_of(find_term(liver)), "LIVER");
  liver.modifier = Code{"7771000", "SCT", "Left"};
  EXPECT_EQ(id_of(find_term(liver)), "none");
}

TEST(Terms, AFindingInAnOrganTakesTheOrganAsItsRegion) {
  const Term tumour = *find_term("left_kidney+NEOPLASM_MALIGNANT_PRIMARY");
  EXPECT_EQ(tumour.id, "LEFT_KIDNEY+NEOPLASM_MALIGNANT_PRIMARY");
  EXPECT_EQ(tumour.name, "Primary malignant neoplasm in left kidney");
  EXPECT_EQ(tumour.codes.type.value, "86049000");
  EXPECT_EQ(tumour.codes.region->value, "64033007");
  EXPECT_EQ(tumour.codes.region_modifier->meaning, "Left");
  EXPECT_FALSE(find_term("LIVER+"));
  EXPECT_FALSE(find_term("+NEOPLASM"));
}

TEST(Terms, AreSearchedByWordsAndCodes) {
  const auto ids = [](std::string_view text) {
    std::set<std::string> out;
    for (const Term& term : search_terms(text)) out.insert(term.id);
    return out;
  };
  EXPECT_EQ(ids("Left RIB 10"), std::set<std::string>{"LEFT_RIB_10"});
  EXPECT_EQ(ids("78961009"), std::set<std::string>{"SPLEEN"});
  EXPECT_TRUE(ids("kidney").contains("RIGHT_KIDNEY"));
  EXPECT_TRUE(ids("no such thing").empty());
}

}  // namespace
}  // namespace sagittal::terms
