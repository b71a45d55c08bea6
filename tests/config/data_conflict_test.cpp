#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/expect_conflicts.hpp"
#include "icl/config/conflict.hpp"

namespace icl::config {
namespace {

const std::string sequence_rule =
    "data.labels = \"equal_sequence\" gives N/2 tokens each label: data.N = ";

TEST(FindConflict, OfLabels) {
  expect_conflicts({{[](Config& c) {
                       c.data.labels = config::LabelRule::equal_sequence;
                       c.data.N = 101;
                     },
                     sequence_rule + "101 must be even, and at least 4",
                     {"data.labels", "data.N"}},
                    {[](Config& c) {
                       c.data.labels = config::LabelRule::equal_sequence;
                       c.data.N = 2;
                     },
                     sequence_rule + "2 must be even, and at least 4",
                     {"data.labels", "data.N"}},
                    {[](Config& c) { c.data.labels = config::LabelRule::equal_context; },
                     "data.labels = \"equal_context\" gives (N-1)/2 tokens each label: data.N = "
                     "100 must be odd",
                     {"data.labels", "data.N"}},
                    {[](Config& c) {
                       c.data.labels = config::LabelRule::equal_others;
                       c.data.N = 21;
                     },
                     "data.labels = \"equal_others\" gives (N-2)/2 tokens each label: data.N = 21 "
                     "must be even",
                     {"data.labels", "data.N"}},
                    {[](Config& c) {
                       c.data.labels = config::LabelRule::equal_sequence;
                       c.data.bursty = 0.9;
                     },
                     "data.labels = \"equal_sequence\" is a rule for sequences with a copy: "
                     "data.bursty must be 1",
                     {"data.labels", "data.bursty"}}});
  EXPECT_EQ(message_after([](Config& c) {
              c.data.labels = config::LabelRule::equal_sequence;
              c.data.N = 4;
            }),
            "");
  EXPECT_EQ(message_after([](Config& c) {
              c.data.labels = config::LabelRule::equal_context;
              c.data.N = 3;
            }),
            "");
  EXPECT_EQ(message_after([](Config& c) {
              c.data.labels = config::LabelRule::equal_others;
              c.data.N = 2;
            }),
            "");
  EXPECT_EQ(message_after([](Config& c) { c.data.bursty = 0; }), "");
}

TEST(FindConflict, OfItems) {
  const auto infinite = [](const std::string& key) {
    return key + " has no meaning at data.K = inf, where every item is new";
  };
  const auto no_table = [](const std::string& key) {
    return key + " is about a table of items, and data.items names none";
  };
  expect_conflicts({{[](Config& c) {
                       c.data.K = Diversity::infinity();
                       c.data.items = "f.h5:/x";
                     },
                     infinite("data.items"),
                     {"data.items", "data.K"}},
                    {[](Config& c) {
                       c.data.K = Diversity::infinity();
                       c.data.zipf = 1;
                     },
                     infinite("data.zipf"),
                     {"data.zipf", "data.K"}},
                    {[](Config& c) {
                       c.data.K = Diversity::infinity();
                       c.data.bursty = 0.5;
                     },
                     infinite("data.bursty"),
                     {"data.bursty", "data.K"}},
                    {[](Config& c) { c.data.novel_items = "f.h5:/x"; },
                     no_table("data.novel_items"),
                     {"data.novel_items"}},
                    {[](Config& c) { c.data.scale = config::ItemScale::none; },
                     no_table("data.scale"),
                     {"data.scale"}},
                    {[](Config& c) { c.data.novel_fraction = 0.5; },
                     no_table("data.novel_fraction"),
                     {"data.novel_fraction"}}});
  EXPECT_EQ(message_after([](Config& c) {
              c.data.items = "f.h5:/x";
              c.data.novel_items = "f.h5:/y";
              c.data.scale = config::ItemScale::none;
              c.data.zipf = 1;
              c.data.bursty = 0.5;
            }),
            "");
}

void five_classes(Config& c) {
  c.data.N = 5;
  c.data.K = 6;
}

TEST(FindConflict, OfCopiesAndNovelItems) {
  using Keys = std::vector<std::string_view>;
  expect_conflicts(
      {{[](Config& c) { c.data.copies = 2; },
        "data.copies = 2 must divide the 99 items of the context of data.N = 100",
        Keys{"data.copies", "data.N"}},
       {[](Config& c) {
          c.data.novel = 0.5;
          c.data.labels = LabelRule::equal_others;
        },
        "data.novel draws labels independently: data.labels = \"equal_others\" must be "
        "\"independent\"",
        Keys{"data.novel", "data.labels"}},
       {[](Config& c) {
          c.data.copies = 3;
          c.data.labels = LabelRule::equal_others;
        },
        "data.copies draws labels independently: data.labels = \"equal_others\" must be "
        "\"independent\"",
        Keys{"data.copies", "data.labels"}},
       {[](Config& c) {
          c.data.novel = 0.5;
          c.data.K = Diversity::infinity();
        },
        "data.novel has no meaning at data.K = inf, where every item is new",
        Keys{"data.novel", "data.K"}},
       {[](Config& c) {
          c.data.novel = 0.5;
          c.data.items = "a.h5:/x";
        },
        "data.novel draws Gaussian items, and those of data.items are others",
        Keys{"data.novel", "data.items"}}});
}

TEST(FindConflict, OfEvaluators) {
  using Keys = std::vector<std::string_view>;
  const Keys alone{"eval.set"};
  expect_conflicts(
      {{[](Config& c) { c.eval.set = "icl items=novel"; },
        "eval.set: the name \"icl\" is taken (so are train, icl, iwl, icl_equal and what ends in "
        "_icl, _iwl or the name of an observer)",
        alone},
       {[](Config& c) { c.eval.set = "uniform_iwl items=novel"; },
        "eval.set: the name \"uniform_iwl\" is taken (so are train, icl, iwl, icl_equal and what "
        "ends in _icl, _iwl or the name of an observer)",
        alone},
       {[](Config& c) { c.eval.set = "a items=novel, a_copier items=novel"; },
        "eval.set: the name \"a_copier\" is taken (so are train, icl, iwl, icl_equal and what ends "
        "in _icl, _iwl or the name of an observer)",
        alone},
       {[](Config& c) { c.eval.set = "a items=novel, a items=training"; },
        "eval.set: two evaluators have the name \"a\"", alone},
       {[](Config& c) { c.eval.set = "a items=novel copies=0"; },
        "eval.set: \"a\" has copies = 0 with items = novel, so that nothing tells the label that "
        "is "
        "asked for",
        alone},
       {[](Config& c) { c.eval.set = "a items=training labels=flipped copies=0"; },
        "eval.set: \"a\" has copies = 0 with labels = flipped, so that nothing tells the label "
        "that "
        "is asked for",
        alone},
       {[](Config& c) { c.eval.set = "a items=novel labels=flipped"; },
        "eval.set: \"a\" has labels = flipped, which is about items that the network was trained "
        "on: items must be training",
        alone},
       {[](Config& c) {
          five_classes(c);
          c.eval.set = "a items=novel copies=3";
        },
        "eval.set: \"a\" has copies = 3, which must divide the 4 items of the context of data.N = "
        "5",
        Keys{"eval.set", "data.N"}},
       {[](Config& c) {
          c.data.K = Diversity::infinity();
          c.eval.set = "a items=training";
        },
        "eval.set: \"a\" has items = training, and at data.K = inf every item is new",
        Keys{"eval.set", "data.K"}},
       {[](Config& c) {
          c.data.K = Diversity::infinity();
          c.eval.set = "a items=novel support=5";
        },
        "eval.set: \"a\" has support = 5, and at data.K = inf every item is new",
        Keys{"eval.set", "data.K"}},
       {[](Config& c) {
          five_classes(c);
          c.eval.set = "a items=training support=7";
        },
        "eval.set: \"a\" has support = 7: must be from 1 to data.K = 6",
        Keys{"eval.set", "data.K", "data.N"}},
       {[](Config& c) {
          five_classes(c);
          c.eval.set = "a items=training support=4 copies=0";
        },
        "eval.set: \"a\" has support = 4: must be from 5 (data.N different items) to data.K = 6",
        Keys{"eval.set", "data.K", "data.N"}}});
  Config novel;  // whose number a table may make greater than K
  five_classes(novel);
  novel.eval.set = "a items=novel support=7";
  EXPECT_FALSE(find_conflict(novel));
}

}  // namespace
}  // namespace icl::config
