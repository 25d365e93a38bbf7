#include "nn/cpu/tuning.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>

#include "base/bytes.h"
#include "scratch.h"

namespace sagittal::nn::cpu {
namespace {

/// Two ways of which the second is faster; counts what is measured.
struct Race {
  int measured = 0;
  std::array<Way, 2> ways{Way{"slow", [this] { return ++measured, 2.0; }},
                          Way{"fast", [this] { return ++measured, 1.0; }}};
};

void write(const std::filesystem::path& file, const std::string& text) { std::ofstream(file) << text; }

TEST(Tuning, TakesTheFastestAndMeasuresOnce) {
  Race race;
  Tuning tuning;
  EXPECT_EQ(tuning.choose("a", race.ways), 1);
  EXPECT_EQ(tuning.choose("a", race.ways), 1);
  EXPECT_EQ(race.measured, 2);
  EXPECT_EQ(tuning.choose("b", race.ways), 1);
  EXPECT_EQ(race.measured, 4);
}

TEST(Tuning, OneWayIsNotMeasured) {
  Race race;
  EXPECT_EQ(Tuning().choose("a", std::span(race.ways).first(1)), 0);
  EXPECT_EQ(race.measured, 0);
}

TEST(Tuning, AnotherProcessAnswersAlike) {
  const Scratch folder;
  const auto file = folder / "new/fastest.json";
  Race first, second;
  Tuning one(file), two(file);  // both opened before there is an answer
  one.choose("a", first.ways);
  EXPECT_EQ(two.choose("a", second.ways), 1);
  EXPECT_EQ(second.measured, 0);
}

TEST(Tuning, AnAnswerThatIsNoWayAnyMoreIsMeasuredAgain) {
  const Scratch folder;
  const auto file = folder / "fastest.json";
  Race race;
  Tuning(file).choose("a", race.ways);
  race.ways[1].name = "faster still";
  EXPECT_EQ(Tuning(file).choose("a", race.ways), 1);
  EXPECT_EQ(race.measured, 4);
}

TEST(Tuning, AFileOfAnotherMachineOrForgedIsBegunAnew) {
  const Scratch folder;
  const auto file = folder / "fastest.json";
  for (const char* text :
       {"", "{", "[]", "{\"machine\": 3}", "{\"machine\": \"another\", \"fastest\": {\"a\": \"slow\"}}",
        "{\"machine\": \"another\", \"fastest\": [1]}"}) {
    write(file, text);
    Race race;
    EXPECT_EQ(Tuning(file).choose("a", race.ways), 1) << text;
    EXPECT_EQ(race.measured, 2) << text;
    Race again;
    EXPECT_EQ(Tuning(file).choose("a", again.ways), 1) << text;
    EXPECT_EQ(again.measured, 0) << text;
  }
}

TEST(Tuning, AFolderThatCannotBeWrittenCostsTimeOnly) {
  Race race;
  Tuning tuning("/proc/none/fastest.json");
  EXPECT_EQ(tuning.choose("a", race.ways), 1);
  EXPECT_EQ(tuning.choose("a", race.ways), 1);
  EXPECT_EQ(race.measured, 2);
}

}  // namespace
}  // namespace sagittal::nn::cpu
