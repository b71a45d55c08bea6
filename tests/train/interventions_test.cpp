#include "icl/train/interventions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "icl/core/error.hpp"

namespace icl::train {
namespace {

using nn::Attending;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// The parameters of a small network: two of attention, "qkv" and "to_embedding.0.bias", and three
/// of the memoriser, "mlp.0.weight", "mlp.0.bias" and "mlp.01".
class InterventionsTest : public testing::Test {
 protected:
  InterventionsTest() {
    const auto add = [&](const char* name, nn::Group group) {
      parameters_.push_back({name, {"element"}, group, Tensor({1}), {}});
    };
    add("qkv", nn::Group::attention);
    add("to_embedding.0.bias", nn::Group::attention);
    add("mlp.0.weight", nn::Group::mlp);
    add("mlp.0.bias", nn::Group::mlp);
    add("mlp.01", nn::Group::mlp);
    for (nn::Parameter& p : parameters_) all_.push_back(&p);
  }

  [[nodiscard]] std::vector<double> factors(const config::Intervene& config, std::int64_t step) {
    Interventions interventions(config, all_);
    const auto found = interventions.factors(step, 1);
    return {found.begin(), found.end()};
  }
  /// Of the first parameter, at steps 0, 1, ...
  [[nodiscard]] std::vector<double> course(const config::Intervene& config, std::int64_t steps) {
    Interventions interventions(config, all_);
    std::vector<double> found;
    for (std::int64_t step = 0; step < steps; ++step) {
      found.push_back(interventions.factors(step, 1).front());
    }
    return found;
  }
  [[nodiscard]] std::string refusal(const config::Intervene& config) {
    try {
      const Interventions interventions(config, all_);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      return error.what();
    }
    return "";
  }

  std::vector<nn::Parameter> parameters_;
  std::vector<nn::Parameter*> all_;
};

config::Intervene freeze(const std::string& text) {
  config::Intervene config;
  config.freeze = text;
  return config;
}
config::Intervene rate(const std::string& text) {
  config::Intervene config;
  config.rate = text;
  return config;
}
config::Intervene clamp(const std::string& text) {
  config::Intervene config;
  config.clamp = text;
  return config;
}

TEST_F(InterventionsTest, AreNoneUnlessAskedFor) {
  EXPECT_THAT(factors({}, 0), ElementsAre(1, 1, 1, 1, 1));
  EXPECT_EQ(Interventions({}, all_).clamps(5).target, Attending::learned);
}

TEST_F(InterventionsTest, NeverTrainWhatIsFrozenByItself) {
  parameters_[3].frozen = true;
  EXPECT_THAT(factors({}, 0), ElementsAre(1, 1, 1, 0, 1));
  EXPECT_THAT(factors(rate("memoriser*4"), 7), ElementsAre(1, 1, 4, 0, 4));
}

TEST_F(InterventionsTest, AreForAGroupAParameterOrThoseOfAPrefix) {
  EXPECT_THAT(factors(freeze("attention"), 3), ElementsAre(0, 0, 1, 1, 1));
  EXPECT_THAT(factors(freeze("memoriser"), 3), ElementsAre(1, 1, 0, 0, 0));
  EXPECT_THAT(factors(freeze("qkv"), 3), ElementsAre(0, 1, 1, 1, 1));
  EXPECT_THAT(factors(freeze("mlp.0.bias"), 3), ElementsAre(1, 1, 1, 0, 1));
  EXPECT_THAT(factors(freeze("mlp.0"), 3), ElementsAre(1, 1, 0, 0, 1));  // whole parts: not mlp.01
  EXPECT_THAT(factors(freeze("mlp"), 3), ElementsAre(1, 1, 0, 0, 0));
  EXPECT_THAT(factors(freeze("qkv, mlp.0.weight"), 3), ElementsAre(0, 1, 0, 1, 1));
}

TEST_F(InterventionsTest, HoldFromTheFirstStepToBeforeTheLast) {
  EXPECT_THAT(course(freeze("qkv@2:4"), 6), ElementsAre(1, 1, 0, 0, 1, 1));
  EXPECT_THAT(course(freeze("qkv@:2"), 4), ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(course(freeze("qkv@2:"), 4), ElementsAre(1, 1, 0, 0));
  EXPECT_THAT(course(rate("qkv*0.5@1:3"), 4), ElementsAre(1, 0.5, 0.5, 1));
}

TEST_F(InterventionsTest, MultiplyWhereTheyOverlap) {
  EXPECT_THAT(course(rate("qkv*0.5@0:4, attention*3@2:6"), 7),
              ElementsAre(0.5, 0.5, 1.5, 1.5, 3, 3, 1));
  config::Intervene both = rate("attention*8");
  both.freeze = "qkv@1:2";
  EXPECT_THAT(course(both, 3), ElementsAre(8, 0, 8));
  EXPECT_THAT(factors(both, 1), ElementsAre(0, 8, 1, 1, 1));
  EXPECT_THAT(factors(rate("qkv*0"), 1), ElementsAre(0, 1, 1, 1, 1));
}

TEST_F(InterventionsTest, ClampAttentionOverRangesTheFirstOfWhichCounts) {
  const Interventions all(clamp("copy@1:3, none@2:5, uniform@6:"), all_);
  std::vector<Attending> course;
  for (std::int64_t step = 0; step < 8; ++step) course.push_back(all.clamps(step).target);
  using enum Attending;
  EXPECT_THAT(course, ElementsAre(learned, copy, copy, none, none, learned, uniform, uniform));
  EXPECT_EQ(Interventions(clamp("none"), all_).clamps(1'000'000).target, none);
  EXPECT_THAT(factors(clamp("none"), 0), ElementsAre(1, 1, 1, 1, 1));
}

TEST_F(InterventionsTest, ClampHeadsOverRanges) {
  const Interventions all(clamp("previous/0.2@1:3, none/1@2:, copy@:2"), all_);
  const auto course = [&](std::int64_t step) {
    std::string text;
    for (const nn::HeadClamp& one : all.clamps(step).heads) {
      text += std::to_string(one.layer) + '.' + std::to_string(one.head) + '=' +
              std::to_string(static_cast<int>(one.to)) + ' ';
    }
    return text;
  };
  EXPECT_EQ(course(0), "");
  EXPECT_EQ(course(1), "0.2=4 ");
  EXPECT_EQ(course(2), "0.2=4 1.-1=3 ");
  EXPECT_EQ(course(3), "1.-1=3 ");
  EXPECT_EQ(course(1'000'000), "1.-1=3 ");
  EXPECT_EQ(all.clamps(1).target, Attending::copy);
  EXPECT_EQ(all.clamps(2).target, Attending::learned);
}

TEST_F(InterventionsTest, RefuseNamesThatThereAreNot) {
  for (const char* name : {"mlp.1", "ml", "qkv.weight", "Attention", "copy"}) {
    const auto says = AllOf(HasSubstr('"' + std::string(name) + '"'), HasSubstr("attention"),
                            HasSubstr("memoriser"),
                            HasSubstr("qkv, to_embedding.0.bias, mlp.0.weight, mlp.0.bias"));
    EXPECT_THAT(refusal(freeze(name)), AllOf(HasSubstr("intervene.freeze"), says));
    EXPECT_THAT(refusal(rate("qkv*2, " + std::string(name) + "*0.5@3:")),
                AllOf(HasSubstr("intervene.rate"), says));
  }
}

TEST_F(InterventionsTest, RefuseAGroupThatTheSystemLacks) {
  all_.erase(all_.begin(), all_.begin() + 2);
  EXPECT_THAT(refusal(freeze("attention")), HasSubstr("there is no sub-circuit \"attention\""));
  EXPECT_EQ(refusal(freeze("memoriser")), "");
}

}  // namespace
}  // namespace icl::train
