#include "stream/operator.h"

#include <gmock/gmock.h>

#include "expect_error.h"

namespace sagittal::stream {
namespace {

using ::testing::HasSubstr;

class Recorder final : public Operator {
 public:
  void setup(Setup& setup) override {
    setup.parameter(level_, "level", "how bright").between(0, 1).unit("V");
    setup.parameter(spacing_, "spacing_mm", "of pixels").between(0.1, 5).at_start();
    setup.parameter(filter_, "filter", "how it looks between pixels").one_of({"nearest", "area"});
    setup.parameter(file_, "file", "what is written").path();
    setup.command("flush", "writes what it has", [this](const Json& how) {
      flushed_ = how.value("times", 1);
      return Json(flushed_);
    });
    if (any_) {
      setup.any_command("is repeated", [](std::string_view name, const Json&) { return Json(name); });
    }
  }
  void compute() override {}

  bool any_ = false;
  int flushed_ = 0;

 private:
  Parameter<double> level_{0.5}, spacing_{1};
  Parameter<std::string> filter_{"area"}, file_;
};

struct Set {
  explicit Set(bool any = false) {
    op.any_ = any;
    op.setup(setup);
  }
  Recorder op;
  Setup setup;
};

TEST(Operators, TellOfEachParameterWhatAFormNeeds) {
  Set made;
  made.setup.parameter("level").set(0.75);
  const Json all = made.setup.describe().at("parameters");
  EXPECT_EQ(all.at(0), (Json{{"name", "level"},
                             {"description", "how bright"},
                             {"type", "number"},
                             {"limits", {0.0, 1.0}},
                             {"choices", nullptr},
                             {"unit", "V"},
                             {"path", false},
                             {"settable", "while it runs"},
                             {"fixed", false},
                             {"kind", "number from 0.0 to 1.0"},
                             {"default", 0.5},
                             {"value", 0.75}}));
  EXPECT_EQ(all.at(1).at("unit"), "mm") << "as its name says";
  EXPECT_EQ(all.at(1).at("settable"), "at the start");
  EXPECT_TRUE(all.at(1).at("fixed").get<bool>());
  EXPECT_EQ(all.at(2).at("choices"), (Json{"nearest", "area"}));
  EXPECT_EQ(all.at(2).at("limits"), nullptr);
  EXPECT_EQ(all.at(3).at("settable"), "in the file");
  EXPECT_TRUE(all.at(3).at("path").get<bool>());
}

TEST(Operators, KnowTheirCommandsByName) {
  Set made;
  EXPECT_EQ(made.setup.describe().at("commands"), (Json{{{"name", "flush"}, {"description", "writes what it has"}}}));
  EXPECT_EQ(made.setup.ask("flush", {{"times", 3}}), 3);
  EXPECT_EQ(made.op.flushed_, 3);
  try {
    made.setup.ask("flash", {});
    FAIL() << "it knows flash";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    EXPECT_THAT(error.what(), HasSubstr("\"flash\"; there are: flush"));
  }
}

TEST(Operators, MayTakeCommandsOfAnyName) {
  Set made(true);
  EXPECT_EQ(made.setup.describe().at("commands").at(1).at("name"), "*");
  EXPECT_EQ(made.setup.ask("StartRecording", {}), "StartRecording");
  EXPECT_EQ(made.setup.ask("flush", Json::object()), 1) << "its own first";
}

TEST(Operators, AnUnknownParameterNamesThoseThereAre) {
  const Set made;
  try {
    made.setup.parameter("spacing");
    FAIL() << "there is one";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::not_found);
    EXPECT_THAT(error.what(), HasSubstr("\"spacing\"; there are: spacing_mm, "));
  }
}

}  // namespace
}  // namespace sagittal::stream
