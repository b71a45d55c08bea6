#include "icl/config/intervention.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace icl::config {
namespace {

/// The one intervention of a text.
Intervention one_of(std::string_view text, Factor factor = Factor::none) {
  const auto all = parse_interventions(text, factor);
  if (!all || all->size() != 1) {
    ADD_FAILURE() << '"' << text << "\" is not one intervention";
    return {};
  }
  return all->front();
}

TEST(ParseInterventions, ANameAloneHoldsAlways) {
  const Intervention one = one_of("mlp.0.weight");
  EXPECT_EQ(one.name, "mlp.0.weight");
  EXPECT_EQ(one.factor, 1);
  EXPECT_EQ(one.first, 0);
  EXPECT_EQ(one.last, std::nullopt);
}

TEST(ParseInterventions, EitherEndOfTheStepsMayBeLeftOut) {
  EXPECT_EQ(one_of("w@5:9").first, 5);
  EXPECT_EQ(one_of("w@5:9").last, 9);
  EXPECT_EQ(one_of("w@5:").first, 5);
  EXPECT_EQ(one_of("w@5:").last, std::nullopt);
  EXPECT_EQ(one_of("w@:9").first, 0);
  EXPECT_EQ(one_of("w@:9").last, 9);
  EXPECT_EQ(one_of("w@:").first, 0);
  EXPECT_EQ(one_of("w@:").last, std::nullopt);
  EXPECT_EQ(one_of("w@:4294967295").last, 4294967295);
}

TEST(ParseInterventions, ARateHasAFactor) {
  const Intervention one = one_of("memoriser*0.5@2000:4000", Factor::required);
  EXPECT_EQ(one.name, "memoriser");
  EXPECT_EQ(one.factor, 0.5);
  EXPECT_EQ(one.first, 2000);
  EXPECT_EQ(one.last, 4000);
  EXPECT_EQ(one_of("w*0", Factor::required).factor, 0);
  EXPECT_EQ(one_of("w*1e-3", Factor::required).factor, 1e-3);
  EXPECT_EQ(one_of("w*20", Factor::required).factor, 20);
}

TEST(ParseInterventions, BlanksAroundThePartsDoNotMatter) {
  const auto all =
      parse_interventions("  attention * 2 @ 5:9 ,mlp.0*.5,  w *3@:1 ", Factor::required);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ((*all)[0].name, "attention");
  EXPECT_EQ((*all)[0].factor, 2);
  EXPECT_EQ((*all)[0].first, 5);
  EXPECT_EQ((*all)[0].last, 9);
  EXPECT_EQ((*all)[1].name, "mlp.0");
  EXPECT_EQ((*all)[1].factor, 0.5);
  EXPECT_EQ((*all)[1].last, std::nullopt);
  EXPECT_EQ((*all)[2].name, "w");
  EXPECT_EQ((*all)[2].factor, 3);
  EXPECT_EQ((*all)[2].last, 1);
}

TEST(ParseInterventions, KeepsTheOrder) {
  const auto all = parse_interventions("copy@:5,none@5:7,copy@7:", Factor::none);
  ASSERT_TRUE(all);
  std::vector<std::string> names;
  for (const Intervention& one : *all) names.push_back(one.name);
  EXPECT_EQ(names, (std::vector<std::string>{"copy", "none", "copy"}));
}

TEST(ParseInterventions, RefusesWhatIsNotInThatForm) {
  for (const std::string_view text : {"",
                                      " ",
                                      ",",
                                      "w,",
                                      ",w",
                                      "w,,beta",
                                      "@5:9",
                                      "w@",
                                      "w@5",
                                      "w@a:9",
                                      "w@5:b",
                                      "w@5.5:9",
                                      "w@-1:9",
                                      "w@:-1",
                                      "w@5:9:12",
                                      "w@+5:9",
                                      "w@5 :9",
                                      "w@9:5",
                                      "w@5:5",
                                      "w@:0",
                                      "w@5:9@6:7",
                                      "w beta",
                                      "w@:99999999999999999999",
                                      "w*2",
                                      "w*2@5:9"}) {
    EXPECT_FALSE(parse_interventions(text, Factor::none)) << '"' << text << '"';
  }
}

TEST(ParseInterventions, RefusesARateWithoutAFactorThatIsANumber) {
  for (const std::string_view text :
       {"w", "w@5:9", "w*", "*2", " * 2", "w*a", "w*-1", "w*inf", "w*nan", "w*1e999", "w*2x",
        "w*2*3", "w*2 3", "w@5:9*2", "w*2,beta", "w beta*2"}) {
    EXPECT_FALSE(parse_interventions(text, Factor::required)) << '"' << text << '"';
  }
}

TEST(Written, KeepsTheTextBesideTheValue) {
  const Rates rates = " w * 2,  mlp*0.5 ";
  EXPECT_EQ(rates.text(), " w * 2,  mlp*0.5 ");
  ASSERT_EQ(rates->size(), 2U);
  EXPECT_EQ((*rates)[1].factor, 0.5);
  EXPECT_EQ(rates, Rates(std::string(" w * 2,  mlp*0.5 ")));
  EXPECT_NE(rates, Rates("w*2,mlp*0.5"));  // another text makes another run
}

TEST(Clamps, MayNameALayerOrAHead) {
  const Clamps clamps = "copy@:5, none/1@5:, previous/0.12@:7";
  ASSERT_EQ(clamps->size(), 3U);
  EXPECT_EQ((*clamps)[0].layer, std::nullopt);
  EXPECT_EQ((*clamps)[1].to, Clamp::none);
  EXPECT_EQ((*clamps)[1].layer, 1);
  EXPECT_EQ((*clamps)[1].head, std::nullopt);
  EXPECT_EQ((*clamps)[2].to, Clamp::previous);
  EXPECT_EQ((*clamps)[2].layer, 0);
  EXPECT_EQ((*clamps)[2].head, 12);
  EXPECT_EQ((*clamps)[2].last, 7);
  std::vector<std::string> names;
  for (const Clamping& one : *clamps) names.push_back(name_of(one));
  EXPECT_EQ(names, (std::vector<std::string>{"copy", "none/1", "previous/0.12"}));
}

TEST(Clamps, RefusePlacesThatAreNotNumbers) {
  for (const std::string_view text :
       {"none/", "none/a", "none/0.", "none/.0", "none/0.a", "none/-1", "none/0.1.2", "none/0/1",
        "/0.1", "learned/0.1", "none/0.1*2"}) {
    EXPECT_FALSE(Clamps::from(std::string(text))) << text;
  }
}

TEST(Written, ExistsOnlyOfTextInItsForm) {
  EXPECT_FALSE(Rates::from("w"));
  EXPECT_FALSE(Clamps::from("copy, learned"));
  EXPECT_EQ((*Clamps::from("copy@:5, none"))->back().to, Clamp::none);
  EXPECT_THROW(Clamps("learned"), Error);
}

TEST(Intervention, HoldsFromItsFirstStepUntilBeforeItsLast) {
  const auto held = [](std::string_view text) {
    std::vector<std::int64_t> steps;
    for (std::int64_t step = 0; step < 5; ++step) {
      if (one_of(text).holds(step)) steps.push_back(step);
    }
    return steps;
  };
  using Steps = std::vector<std::int64_t>;
  EXPECT_EQ(held("w"), (Steps{0, 1, 2, 3, 4}));
  EXPECT_EQ(held("w@1:3"), (Steps{1, 2}));
  EXPECT_EQ(held("w@3:"), (Steps{3, 4}));
  EXPECT_EQ(held("w@:1"), (Steps{0}));
}

}  // namespace
}  // namespace icl::config
