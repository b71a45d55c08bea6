#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/expect_conflicts.hpp"
#include "icl/config/conflict.hpp"

namespace icl::config {
namespace {

/// A run of 10 steps.
void ten_steps(Config& c) {
  c.train.epochs = 2;
  c.train.steps_per_epoch = 5;
}

TEST(FindConflict, OfInterventions) {
  const auto outside = [](const std::string& what) {
    return "intervene." + what + " lie outside of the run's 0:10";
  };
  const auto keys = [](std::string_view key) {
    return std::vector<std::string_view>{key, "train.epochs", "train.steps_per_epoch"};
  };
  expect_conflicts({{[](Config& c) {
                       ten_steps(c);
                       c.intervene.freeze = "mlp.0@:11";
                     },
                     outside("freeze: steps 0:11 of \"mlp.0\""), keys("intervene.freeze")},
                    {[](Config& c) {
                       ten_steps(c);
                       c.intervene.clamp = "copy@3:5, none@10:";
                     },
                     outside("clamp: steps 10:10 of \"none\""), keys("intervene.clamp")},
                    {[](Config& c) {
                       ten_steps(c);
                       c.intervene.rate = "w*2@9:10, mlp*0@20:30";
                     },
                     outside("rate: steps 20:30 of \"mlp\""), keys("intervene.rate")}});
  EXPECT_EQ(message_after([](Config& c) {
              ten_steps(c);
              c.intervene = {.freeze = "mlp@:10, w", .clamp = "none@9:", .rate = "w*2@9:10"};
            }),
            "");
}

TEST(FindConflict, OfClampsOfHeads) {
  const auto in_blocks = [](const char* clamp) {
    Config c = of_system("blocks");
    c.blocks.n_heads = 2;
    c.data.D = 4;
    c.intervene.clamp = clamp;
    const auto conflict = find_conflict(c);
    return conflict ? *conflict : Conflict{"", {}};
  };
  EXPECT_EQ(in_blocks("previous/0.1@:5, none/1.0, copy/1.1, uniform/0.0@3:").message, "");
  EXPECT_EQ(in_blocks("none/0.0, none/0.1, none/1").message, "");
  EXPECT_EQ(in_blocks("previous").message,
            "intervene.clamp: \"previous\" is of a head, which must be named: as in "
            "\"previous/0.1\", head 1 of layer 0");
  const Conflict layer = in_blocks("copy/2.0");
  EXPECT_EQ(layer.message,
            "intervene.clamp: \"copy/2.0\" names layer 2, and blocks.n_layers = 2 has the layers 0 "
            "to 1");
  EXPECT_THAT(layer.keys, testing::ElementsAre("intervene.clamp", "blocks.n_layers"));
  const Conflict head = in_blocks("none/1.2");
  EXPECT_EQ(
      head.message,
      "intervene.clamp: \"none/1.2\" names head 2, and blocks.n_heads = 2 has the heads 0 to 1 "
      "in each layer");
  EXPECT_THAT(head.keys, testing::ElementsAre("intervene.clamp", "blocks.n_heads"));
  EXPECT_EQ(in_blocks("none/0.1@:5, previous/0@3:").message,
            "intervene.clamp: \"none/0.1\" and \"previous/0\" overlap");
  EXPECT_EQ(in_blocks("copy, none/1.0").message,
            "intervene.clamp: \"copy\" and \"none/1.0\" overlap");
  for (const char* system : {"one_layer", "multi_layer", "minimal"}) {
    Config c = of_system(system);
    c.intervene.clamp = "none/0.0";
    EXPECT_THAT(
        find_conflict(c)->message,
        testing::StartsWith("intervene.clamp: \"none/0.0\" is of heads, and model.system = \"" +
                            std::string(system) + '"'));
    c.intervene.clamp = "previous";
    EXPECT_THAT(find_conflict(c)->keys, testing::ElementsAre("intervene.clamp", "model.system"));
  }
}

// A factor is one of float's as the rate is: what is 0 there would train nothing without a word.
TEST(FindConflict, OfRates) {
  const auto with_rate = [](const char* rate) {
    return message_after([rate](Config& c) { c.intervene.rate = rate; });
  };
  const std::string bound = ": must be from 1e-37 to 1e+20, or exactly 0";
  const std::string rate =
      "train.learning_rate = 0.01 times the factors of intervene.rate at step ";
  EXPECT_EQ(with_rate("memoriser*5e-324"), rate + "0 is 0" + bound);
  EXPECT_EQ(with_rate("memoriser*1e-36@7:"), rate + "7 is 1e-38" + bound);
  EXPECT_EQ(with_rate("mlp.0*1e-20@:9, memoriser*1e-20@5:"), rate + "5 is 1e-42" + bound);
  EXPECT_EQ(with_rate("attention*1e23"), rate + "0 is 1e+21" + bound);
  for (const char* fits : {"memoriser*0", "memoriser*1e-30", "attention*1e21", "mlp.0*0, w*0.5",
                           "memoriser*1e-20@:5, memoriser*1e-20@5:"}) {
    EXPECT_EQ(with_rate(fits), "") << fits;
  }
}

}  // namespace
}  // namespace icl::config
