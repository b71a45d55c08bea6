#include "icl/config/conflict.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "icl/config/field_values.hpp"
#include "icl/config/system.hpp"

namespace icl::config {
namespace {

Config of_system(std::string_view system) {
  Config config;
  config.model.system = choice_of<System>(system).value();
  return config;
}

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

/// An edit of the defaults, and the conflict that it makes.
struct Row {
  void (*edit)(Config&);
  std::string message;
  std::vector<std::string_view> keys;
};

void expect_conflicts(const std::vector<Row>& rows) {
  for (const auto& [edit, message, keys] : rows) {
    SCOPED_TRACE(message);
    Config config;
    edit(config);
    const auto conflict = find_conflict(config);
    if (!conflict) {
      ADD_FAILURE() << "no conflict";
      continue;
    }
    EXPECT_EQ(conflict->message, message);
    EXPECT_EQ(conflict->keys, keys);
    for (const std::string_view key : keys) EXPECT_NE(find_field(key), nullptr) << key;
  }
}

/// The first conflict of the defaults after `edit`, or nothing.
template <class Edit>
std::string message_after(const Edit& edit) {
  Config config;
  edit(config);
  const auto conflict = find_conflict(config);
  return conflict ? conflict->message : "";
}

// ---- sizes --------------------------------------------------------------------------------------

const std::string fresh = " must be at most 2^31 where every token is drawn anew";
const std::string fresh_evaluation = " must be at most 2^32 where every token is drawn anew";

TEST(FindConflict, OfSizes) {
  expect_conflicts(
      {{[](Config& c) {
          c.model.system = config::System::memoriser;
          c.data.K = Diversity::infinity();
        },
        "data.K = inf leaves the system \"memoriser\" nothing to memorise",
        {"data.K", "model.system"}},
       {[](Config& c) {
          c.init.beta0 = 1;
          c.data.N = 2;
        },
        "init.beta0 is about a copy beside other tokens of the context: data.N must be at least 3",
        {"init.beta0", "data.N"}},
       {[](Config& c) { c.data.N = 10002; },
        "data.K = 10000 must be at least data.N = 10002, because IWL evaluation draws N distinct "
        "items",
        {"data.K", "data.N"}},
       {[](Config& c) {
          c.data.K = Diversity::infinity();
          c.data.N = 65536;
          c.train.batch_size = 32769;
        },
        "data.N = 65536 times train.batch_size = 32769" + fresh,
        {"data.N", "train.batch_size", "data.K", "data.noise"}},
       {[](Config& c) {
          c.data.noise = 0.1;
          c.data.K = c.data.N = 65536;
          c.train.batch_size = 65536;
        },
        "data.N = 65536 times train.batch_size = 65536" + fresh,
        {"data.N", "train.batch_size", "data.K", "data.noise"}},
       {[](Config& c) {
          c.data.K = Diversity::infinity();
          c.data.N = 65536;
          c.eval.sequences = 65537;
        },
        "data.N = 65536 times eval.sequences = 65537" + fresh_evaluation,
        {"data.N", "eval.sequences", "data.K", "data.noise"}},
       {[](Config& c) {
          c.data.noise = 0.1;
          c.data.N = 1000;
          c.probe.sequences = 10000000;
        },
        "data.N = 1000 times probe.sequences = 10000000" + fresh_evaluation,
        {"data.N", "probe.sequences", "data.K", "data.noise"}}});
}

TEST(FindConflict, TakesTheLargestSizes) {
  EXPECT_EQ(message_after([](Config& c) { c.data.K = c.data.N; }), "");
  EXPECT_EQ(message_after([](Config& c) {
              c.model.system = config::System::memoriser;  // which draws no sequences
              c.data.K = 2;
            }),
            "");
  const auto largest = [](Config& c) {
    c.data.N = 65536;
    c.train.batch_size = 32768;
    c.eval.sequences = c.probe.sequences = 65536;
  };
  EXPECT_EQ(message_after([&](Config& c) {
              largest(c);
              c.data.K = Diversity::infinity();
            }),
            "");
  EXPECT_EQ(message_after([&](Config& c) {
              largest(c);
              c.data.K = 65536;
              c.train.batch_size = 65536;  // no token is drawn anew
              c.eval.sequences = c.probe.sequences = 10000000;
            }),
            "");
}

// ---- steps --------------------------------------------------------------------------------------

TEST(FindConflict, OfSteps) {
  expect_conflicts(
      {{[](Config& c) { c.train.epochs = c.train.steps_per_epoch = 65536; },
        "train.epochs = 65536 times train.steps_per_epoch = 65536 must be less than 2^32 steps",
        {"train.epochs", "train.steps_per_epoch"}},
       {[](Config& c) { c.train.epochs = c.train.steps_per_epoch = 4294967295; },
        "train.epochs = 4294967295 times train.steps_per_epoch = 4294967295 must be less than 2^32 "
        "steps",
        {"train.epochs", "train.steps_per_epoch"}},
       {[](Config& c) {
          c.train.epochs = 2;
          c.train.steps_per_epoch = 10;
          c.train.warmup = 21;
        },
        "train.warmup = 21 is longer than the run of train.epochs = 2 times train.steps_per_epoch "
        "= 10 "
        "steps",
        {"train.warmup", "train.epochs", "train.steps_per_epoch"}},
       {[](Config& c) {
          c.model.system = config::System::memoriser;
          c.compat.s4_epoch = true;
          c.train.batch_size = 100;
        },
        "compat.s4_epoch: an epoch of 60000 sequences in batches of train.batch_size = 100 has "
        "train.steps_per_epoch = 600, not 469",
        {"compat.s4_epoch", "train.steps_per_epoch", "train.batch_size"}},
       {[](Config& c) {
          c.compat.short_last_batch = true;
          c.train.steps_per_epoch = 100;
        },
        "compat.short_last_batch: an epoch of 60000 sequences in batches of train.batch_size = 128 "
        "has train.steps_per_epoch = 469, not 100",
        {"compat.short_last_batch", "train.steps_per_epoch", "train.batch_size"}}});
  EXPECT_EQ(message_after([](Config& c) {
              c.train.epochs = 65537;
              c.train.steps_per_epoch = 65535;  // 2^32 - 1
            }),
            "");
  EXPECT_EQ(message_after([](Config& c) {
              c.model.system = config::System::memoriser;
              c.compat.s4_epoch = true;
              c.train.batch_size = 100;
              c.train.steps_per_epoch = 600;
            }),
            "");
}

// ---- data ---------------------------------------------------------------------------------------

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

// ---- blocks -------------------------------------------------------------------------------------

Blocks& blocks(Config& c) {
  c.model.system = System::blocks;
  return c.blocks;
}

TEST(FindConflict, OfBlocks) {
  using Keys = std::vector<std::string_view>;
  expect_conflicts(
      {{[](Config& c) { blocks(c).d_model = 128; },
        "blocks.d_model = 128: with blocks.read_in = \"none\" it is the 65 entries that a token "
        "has; \"linear\" takes any",
        Keys{"blocks.d_model", "blocks.read_in"}},
       {[](Config& c) { blocks(c).n_heads = 2; },
        "blocks.n_heads = 2 does not divide blocks.d_model = 65: give blocks.d_head, or other "
        "numbers",
        Keys{"blocks.n_heads", "blocks.d_model"}},
       {[](Config& c) {
          blocks(c).d_head = 8;
          c.blocks.output = HeadOutput::none;
        },
        "blocks.output = \"none\" adds the heads' results, blocks.n_heads = 1 times blocks.d_head "
        "= 8 entries, to blocks.d_model = 65: both must be as many",
        Keys{"blocks.output", "blocks.d_head", "blocks.n_heads", "blocks.d_model"}},
       {[](Config& c) { blocks(c).positions = Positions::rotary; },
        "blocks.positions = \"rotary\" turns pairs of entries: blocks.d_head = 65 must be even",
        Keys{"blocks.positions", "blocks.d_head"}},
       {[](Config& c) { blocks(c).n_ctx = 128; },
        "blocks.n_ctx = 128 is about the positions \"onehot\" and \"learned\": blocks.positions = "
        "\"none\" knows any place",
        Keys{"blocks.n_ctx", "blocks.positions"}},
       {[](Config& c) {
          blocks(c).n_ctx = 198;
          c.blocks.positions = Positions::learned;
          c.data.layout = Layout::interleaved;
        },
        "blocks.n_ctx = 198 must be at least the 199 tokens of a sequence of data.N = 100",
        Keys{"blocks.n_ctx", "data.N"}},
       {[](Config& c) {
          blocks(c).n_ctx = 101;
          c.blocks.positions = Positions::onehot;
        },
        "blocks.n_ctx = 101: with blocks.positions = \"onehot\" it is the 100 tokens of a "
        "sequence, "
        "unless blocks.shift = \"random\"",
        Keys{"blocks.n_ctx", "blocks.positions", "blocks.shift"}},
       {[](Config& c) { blocks(c).shift = Shift::random; },
        "blocks.shift = \"random\" is about the positions \"onehot\" and \"learned\", and "
        "blocks.positions = \"none\"",
        Keys{"blocks.shift", "blocks.positions"}},
       {[](Config& c) {
          blocks(c).shift = Shift::random;
          c.blocks.positions = Positions::onehot;
        },
        "blocks.shift = \"random\" needs more places than the 100 tokens of a sequence: "
        "blocks.n_ctx = 100 leaves no room to shift it",
        Keys{"blocks.shift", "blocks.n_ctx"}},
       {[](Config& c) {
          blocks(c).shift = Shift::random;
          c.blocks.positions = Positions::learned;
          c.blocks.n_ctx = 128;
          c.record.activations = "logit";
        },
        "record.activations: the sequences on which they are recorded have no place, and with "
        "blocks.shift = \"random\" they would need one",
        Keys{"record.activations", "blocks.shift"}},
       {[](Config& c) { blocks(c).d_mlp = 10; },
        "blocks.d_mlp is about the MLPs of the layers, and blocks.mlp = \"none\" leaves them out",
        Keys{"blocks.d_mlp", "blocks.mlp"}},
       {[](Config& c) {
          blocks(c).readout = ReadoutKind::linear;
          c.model.hidden = 10;
        },
        "model.hidden = 10 is about the MLP of the readout, and blocks.readout = \"linear\" has "
        "none",
        Keys{"model.hidden", "blocks.readout"}},
       {[](Config& c) {
          blocks(c).readout = ReadoutKind::linear;
          c.record.activations = "logit, hidden_2";
        },
        "record.activations: \"hidden_2\" is a hidden layer of the readout, and blocks.readout = "
        "\"linear\" has none",
        Keys{"record.activations", "blocks.readout"}},
       {[](Config& c) {
          blocks(c).attention = AttentionKind::linear;
          c.probe.record = "norms, effective";
        },
        "probe.record: \"effective\" takes the weights of attention for shares, which those of "
        "blocks.attention = \"linear\" are not",
        Keys{"probe.record", "blocks.attention"}}});
  expect_conflicts(
      {{[](Config& c) {
          blocks(c);
          c.data.label_vectors = LabelVectors::onehot;
        },
        "data.label_vectors = \"onehot\" is about data.label_count labels, and it is not set",
        Keys{"data.label_vectors", "data.label_count"}},
       {[](Config& c) {
          blocks(c);
          c.data.label_count = 3;
          c.data.label_code = LabelCode::scalar;
          c.data.layout = Layout::interleaved;
        },
        "data.label_code = \"scalar\" is a code of two labels: data.label_count = 3 labels are "
        "coded by data.label_vectors",
        Keys{"data.label_code", "data.label_count", "data.label_vectors"}},
       {[](Config& c) {
          blocks(c);
          c.data.label_count = 3;
          c.data.labels = LabelRule::equal_others;
        },
        "data.labels = \"equal_others\" is a rule for two labels: with data.label_count = 3 it "
        "must "
        "be \"independent\"",
        Keys{"data.labels", "data.label_count"}},
       {[](Config& c) {
          blocks(c);
          c.data.K = 100;
          c.data.label_count = 101;
        },
        "data.label_count = 101 must be at most data.K = 100, so that each label has an item",
        Keys{"data.label_count", "data.K"}},
       {[](Config& c) {
          blocks(c);
          c.data.label_count = 2;
          c.probe.record = "norms memorisation";
        },
        "probe.record: \"memorisation\" reads the answers to copies that carry -1 and +1, and "
        "data.label_count = 2 labels are others",
        Keys{"probe.record", "data.label_count"}},
       {[](Config& c) {
          blocks(c);
          c.data.label_count = 2;
          c.probe.record = "effective";
        },
        "probe.record: \"effective\" reads the answers to copies that carry -1 and +1, and "
        "data.label_count = 2 labels are others",
        Keys{"probe.record", "data.label_count"}}});
  Config linear = of_system("blocks");
  linear.blocks.attention = AttentionKind::linear;
  EXPECT_FALSE(find_conflict(linear));
}

// ---- copies, novel items, evaluators
// -------------------------------------------------------------

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
          c.probe.record = "heads";
        },
        "probe.record: \"heads\" looks at items with labels, which data.task = \"chains\" has "
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
        "data.D = 1 symbols: must be from 2 to 4096 with data.task = \"chains\"",
        Keys{"data.D", "data.task"}},
       {[](Config& c) { chains(c).D = 4097; },
        "data.D = 4097 symbols: must be from 2 to 4096 with data.task = \"chains\"",
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
  EXPECT_FALSE(find_conflict(few_chains));
}

// ---- interventions ------------------------------------------------------------------------------

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
