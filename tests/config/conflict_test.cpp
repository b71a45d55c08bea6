#include "icl/config/conflict.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "config/expect_conflicts.hpp"
#include "icl/config/field_values.hpp"
#include "icl/config/system.hpp"

namespace icl::config {
namespace {

TEST(FindConflict, FindsNoneInTheDefaultsOfAnySystem) {
  for (const SystemRow& system : systems) {
    EXPECT_FALSE(find_conflict(of_system(system.name))) << system.name;
  }
}

TEST(FindConflict, FindsWhatCannotBeRecorded) {
  struct Row {
    std::string system;
    std::string_view key;
    Value value;
    std::string message;  ///< a part; empty: no conflict
  };
  for (const Row& row :
       {Row{"one_layer", "record.activations", "logit, hidden_2", ""},
        Row{"minimal", "record.activations", "logit attention", ""},
        Row{"memoriser", "record.activations", "logit,attention",
            "the system \"memoriser\" has no activation \"attention\"; it has logit, hidden_1, "
            "hidden_2"},
        Row{"minimal", "record.activations", "query", "has no activation \"query\""},
        Row{"one_layer", "record.activations", "logits", "there is no activation \"logits\""},
        Row{"one_layer", "record.activations", ",", "names none"},
        Row{"one_layer", "record.optimizer", true, "\"sgd\" remembers nothing"},
        Row{"one_layer", "record.snapshot_steps", "469000", ""},
        Row{"one_layer", "record.snapshot_steps", "5, 469001",
            "step 469001 lies outside of the run, which goes from step 0 to step 469000"}}) {
    Config config = of_system(row.system);
    set(*find_field(row.key), row.value, config);
    const auto conflict = find_conflict(config);
    ASSERT_EQ(conflict.has_value(), !row.message.empty()) << row.key << row.message;
    if (conflict) {
      EXPECT_THAT(conflict->message, testing::HasSubstr(row.message));
    }
  }
}

/// A key at a value that only some systems know.
struct OfSystems {
  std::string_view key;
  Value value;
  std::string text;  ///< the value, as a message shows it
  std::vector<std::string_view> systems;
};

const std::vector<OfSystems>& keys_of_systems() {
  static const std::vector<OfSystems> all{
      {"model.layers", std::int64_t{3}, "3", {"multi_layer"}},
      {"model.beta0", 0.5, "0.5", {"scalar_beta", "minimal"}},
      {"model.w0", 1.0, "1.0", {"minimal"}},
      {"model.attend_self", true, "true", {"minimal"}},
      {"init.beta0", 1.0, "1.0", {"one_layer"}},
      {"blocks.n_layers", std::int64_t{1}, "1", {"blocks"}},
      {"blocks.norm", "input", "\"input\"", {"blocks"}},
      {"data.layout", "interleaved", "\"interleaved\"", {"blocks"}},
      {"data.label_count", std::int64_t{3}, "3", {"blocks"}},
      {"data.task", "regression", "\"regression\"", {"blocks"}},
      {"record.observers", "copier", "\"copier\"", {"blocks"}},
      {"data.label_code",
       "scalar",
       "\"scalar\"",
       {"one_layer", "multi_layer", "scalar_beta", "blocks"}},
      {"data.labels",
       "equal_sequence",
       "\"equal_sequence\"",
       {"one_layer", "multi_layer", "scalar_beta", "minimal", "blocks"}},
      {"data.bursty", 0.5, "0.5", {"one_layer", "multi_layer", "scalar_beta", "minimal", "blocks"}},
      {"data.copies",
       std::int64_t{3},
       "3",
       {"one_layer", "multi_layer", "scalar_beta", "minimal", "blocks"}},
      {"data.novel", 0.5, "0.5", {"one_layer", "multi_layer", "scalar_beta", "minimal", "blocks"}},
      {"eval.set",
       "a items=novel",
       "\"a items=novel\"",
       {"one_layer", "multi_layer", "scalar_beta", "minimal", "blocks"}},
      {"stop.icl_accuracy",
       0.9,
       "0.9",
       {"one_layer", "multi_layer", "scalar_beta", "minimal", "blocks"}},
      {"eval.refine",
       true,
       "true",
       {"one_layer", "multi_layer", "scalar_beta", "minimal", "blocks"}},
      {"intervene.clamp",
       "copy",
       "\"copy\"",
       {"one_layer", "multi_layer", "scalar_beta", "minimal", "blocks"}},
      {"compat.frozen_readout", true, "true", {"multi_layer"}},
      {"compat.s4_epoch", true, "true", {"memoriser"}},
  };
  return all;
}

TEST(FindConflict, SaysWhichSystemsKnowAKey) {
  for (const OfSystems& row : keys_of_systems()) {
    for (const SystemRow& system : systems) {
      SCOPED_TRACE(std::string(row.key) + " in " + std::string(system.name));
      Config config = of_system(system.name);
      set(*find_field(row.key), row.value, config);
      const auto conflict = find_conflict(config);
      const bool known = std::ranges::find(row.systems, system.name) != row.systems.end();
      EXPECT_EQ(conflict.has_value(), !known);
      if (!conflict) continue;
      std::string only;
      for (const std::string_view name : row.systems) only += " " + std::string(name);
      EXPECT_EQ(conflict->message, std::string(row.key) + " = " + row.text +
                                       " has no meaning in the system \"" +
                                       std::string(system.name) + "\", only in:" + only);
      EXPECT_THAT(conflict->keys, testing::ElementsAre(row.key, "model.system"));
    }
  }
}

// ---- probes -------------------------------------------------------------------------------------

TEST(FindConflict, OfProbes) {
  const std::string c1 = "stop.c1 needs the probe \"memorisation\" and probe.sequences > 0";
  const std::vector<std::string_view> c1_keys{"stop.c1", "probe.record", "probe.sequences"};
  expect_conflicts({{[](Config& c) { c.probe.record = "norms, wings"; },
                     "probe.record: there is no probe \"wings\"; the probes are memorisation, "
                     "effective, attention, margins, alignment, lesions, norms, heads, "
                     "head_lesions",
                     {"probe.record"}},
                    {[](Config& c) {
                       c.model.system = config::System::minimal;
                       c.probe.record = "norms, alignment";
                     },
                     "probe.record: the system \"minimal\" has no probe \"alignment\"; it has "
                     "memorisation, effective, attention, margins, lesions, norms",
                     {"probe.record", "model.system"}},
                    {[](Config& c) {
                       c.model.system = config::System::memoriser;
                       c.probe.record = "lesions";
                     },
                     "probe.record: the system \"memoriser\" has no probe \"lesions\"; it has "
                     "memorisation, norms",
                     {"probe.record", "model.system"}},
                    {[](Config& c) {
                       c.stop.c1 = 0.1;
                       c.probe.record = "norms";
                     },
                     c1, c1_keys},
                    {[](Config& c) {
                       c.stop.c1 = 0.1;
                       c.probe.sequences = 0;
                     },
                     c1, c1_keys}});
  for (const SystemRow& system : systems) {
    Config config = of_system(system.name);
    config.stop.c1 = 0.1;
    EXPECT_FALSE(find_conflict(config)) << system.name;
    config.probe.record = "norms, memorisation";
    EXPECT_FALSE(find_conflict(config)) << system.name;
  }
}

Data& regression(Config& c) {
  c.model.system = System::blocks;
  c.data.task = TaskKind::regression;
  return c.data;
}

Data& chains(Config& c) {
  c.model.system = System::blocks;
  c.data.task = TaskKind::chains;
  return c.data;
}

TEST(FindConflict, OfTasks) {
  using Keys = std::vector<std::string_view>;
  expect_conflicts(
      {{[](Config& c) { regression(c).label_code = LabelCode::scalar; },
        "data.label_code = \"scalar\" is about items with labels, which data.task = "
        "\"regression\" has none of",
        Keys{"data.label_code", "data.task"}},
       {[](Config& c) { regression(c).label_count = 3; },
        "data.label_count = 3 is about items with labels, which data.task = \"regression\" has "
        "none of",
        Keys{"data.label_count", "data.task"}},
       {[](Config& c) {
          regression(c);
          c.stop.icl_accuracy = 0.5;
        },
        "stop.icl_accuracy = 0.5 is about items with labels, which data.task = \"regression\" has "
        "none of",
        Keys{"stop.icl_accuracy", "data.task"}},
       {[](Config& c) {
          regression(c);
          c.record.activations = "logit";
        },
        "record.activations = \"logit\" is about items with labels, which data.task = "
        "\"regression\" has none of",
        Keys{"record.activations", "data.task"}},
       {[](Config& c) {
          regression(c);
          c.intervene.clamp = "copy";
        },
        "intervene.clamp: \"copy\" attends to copies of the target, which data.task = "
        "\"regression\" has none of",
        Keys{"intervene.clamp", "data.task"}},
       {[](Config& c) {
          chains(c);
          c.intervene.clamp = "copy";
        },
        "intervene.clamp: \"copy\" attends to copies of the target, which not every sequence of "
        "data.task = \"chains\" has",
        Keys{"intervene.clamp", "data.task"}},
       {[](Config& c) {
          regression(c);
          c.probe.record = "norms margins";
        },
        "probe.record: \"margins\" looks at items with labels, which data.task = \"regression\" "
        "has none of",
        Keys{"probe.record", "data.task"}},
       {[](Config& c) {
          regression(c).N = 65536;
          c.data.D = 1200;
          c.train.batch_size = 1;
          c.eval.sequences = 100;
        },
        "data.N = 65536 times data.D + 2 = 1202 must be at most 2^26 with data.task = "
        "\"regression\"",
        Keys{"data.N", "data.D", "data.task"}},
       {[](Config& c) {
          regression(c);
          c.record.observers = "ridge copier";
        },
        "record.observers: another task has the observer \"copier\"; with data.task = "
        "\"regression\" there are ridge, dmmse",
        Keys{"record.observers", "data.task"}},
       {[](Config& c) {
          c.model.system = System::blocks;
          c.record.observers = "memorizer";
        },
        "record.observers: there is no observer \"memorizer\"; with data.task = \"labels\" there "
        "are memoriser, copier",
        Keys{"record.observers", "data.task"}},
       {[](Config& c) {
          c.model.system = System::blocks;
          c.data.items = "a.h5:/x";
          c.record.observers = "copier";
        },
        "record.observers: \"copier\" takes items for normal variates, which those of data.items "
        "are not",
        Keys{"record.observers", "data.items"}}});
  // Fewer tasks than pairs, and clamps that need no copy.
  Config few;
  regression(few).K = 2;
  few.intervene.clamp = "uniform";
  EXPECT_FALSE(find_conflict(few));
}

TEST(FindConflict, OfChains) {
  using Keys = std::vector<std::string_view>;
  expect_conflicts(
      {{[](Config& c) { chains(c).noise = 0.5; },
        "data.noise = 0.5 is about items, which data.task = \"chains\" has none of",
        Keys{"data.noise", "data.task"}},
       {[](Config& c) { chains(c).layout = Layout::interleaved; },
        "data.layout = \"interleaved\" is about items, which data.task = \"chains\" has none of",
        Keys{"data.layout", "data.task"}},
       {[](Config& c) { chains(c).label_count = 3; },
        "data.label_count = 3 is about items with labels, which data.task = \"chains\" has none of",
        Keys{"data.label_count", "data.task"}},
       {[](Config& c) {
          chains(c);
          c.probe.record = "heads, attention";
        },
        "probe.record: \"attention\" looks at items with labels, which data.task = \"chains\" has "
        "none of",
        Keys{"probe.record", "data.task"}},
       {[](Config& c) {
          c.model.system = System::blocks;
          c.data.concentration = 0.5;
        },
        "data.concentration = 0.5 is about symbols, which data.task = \"labels\" has none of",
        Keys{"data.concentration", "data.task"}},
       {[](Config& c) { regression(c).concentration = 0.5; },
        "data.concentration = 0.5 is about symbols, which data.task = \"regression\" has none of",
        Keys{"data.concentration", "data.task"}},
       {[](Config& c) { chains(c).D = 1; },
        "data.D = 1 symbols: must be from 2 to 2048 with data.task = \"chains\"",
        Keys{"data.D", "data.task"}},
       {[](Config& c) { chains(c).D = 2049; },
        "data.D = 2049 symbols: must be from 2 to 2048 with data.task = \"chains\"",
        Keys{"data.D", "data.task"}},
       {[](Config& c) {
          chains(c);
          c.record.observers = "ridge";
        },
        "record.observers: another task has the observer \"ridge\"; with data.task = \"chains\" "
        "there are unigram_inference, bigram_inference, unigram_retrieval, bigram_retrieval",
        Keys{"record.observers", "data.task"}}});
  Config few_chains;
  chains(few_chains).K = 2;
  few_chains.data.concentration = 0.1;
  few_chains.record.observers = "bigram_inference, bigram_retrieval";
  few_chains.probe.record = "norms, heads, head_lesions";
  EXPECT_FALSE(find_conflict(few_chains));
}

}  // namespace
}  // namespace icl::config
