#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "icl/config/conflict.hpp"
#include "icl/config/field_values.hpp"
#include "icl/config/spelling.hpp"
#include "icl/config/system.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/error.hpp"

namespace icl::config {
namespace {

TEST(ToToml, GroupsKeysBySectionAndSaysWhatIsNotSet) {
  Config config;
  config.data.K = Diversity::infinity();
  config.train.learning_rate = 1;
  config.model.beta0 = -2;
  config.eval.refine = true;
  config.intervene.freeze = "mlp.0@:10, attention";
  config.seed.items = 5;
  EXPECT_EQ(to_toml(config), R"([model]
system = "one_layer"
hidden = 512
layers = 2
beta0 = -2.0
w0 = 0.0
attend_self = false

[init]
# beta0 is not set: W_q stays as it is drawn

[data]
K = inf
N = 100
D = 63
labels = "independent"
label_code = "onehot"
noise = 0.0
zipf = 0.0
bursty = 1.0
# copies is not set: all N items are drawn by themselves, and the context holds the target's at least once
# novel is not set: no sequence has items of its own
# concentration is not set: 1
# items is not set: x ~ N(0, I/D)
# novel_items is not set: a share data.novel_fraction of data.items, held out at random
novel_fraction = 0.2
scale = "unit"

[train]
seed = 0
epochs = 1000
steps_per_epoch = 469
batch_size = 128
optimizer = "sgd"
learning_rate = 1.0
weight_decay_attention = 1e-10
weight_decay_mlp = 1e-10
adam_beta1 = 0.9
adam_beta2 = 0.999
adam_epsilon = 1e-08
schedule = "constant"
warmup = 0
# clip_norm is not set: no gradient is clipped

[eval]
sequences = 2000
# every is not set: an epoch
log_points = 0
refine = true
# set is not set: none beside ICL and IWL

[probe]
sequences = 256
# record is not set: all that the system has

[intervene]
freeze = "mlp.0@:10, attention"
# clamp is not set: attention is learned
# rate is not set: all have train.learning_rate

[stop]
# icl_accuracy is not set: train for all epochs
# c1 is not set: train for all epochs

[record]
snapshots = 12
# snapshot_every is not set: only log-spaced ones
# snapshot_steps is not set: only those
optimizer = false
# activations is not set: none, and no /probe_set
probe_set = 128
# publish_seconds is not set: at least 5 s, and so rarely that publishing takes at most 0.5 % of the run time

[seed]
# init is not set: derived from train.seed
items = 5
# labels is not set: the seed of the items; with compat.item_seeds derived from train.seed
# novel is not set: the seed of the items
# data is not set: derived from train.seed
# eval is not set: derived from train.seed
# probe is not set: derived from train.seed

[compat]
frozen_readout = false
s4_epoch = false
short_last_batch = false
item_seeds = false
)");
}

bool accepts(const Field& field, const Value& value) {
  Config scratch;
  try {
    set(field, value, scratch);
  } catch (const Error&) {
    return false;
  }
  return true;
}

/// Values that a careless writer would round, or write as another type.
std::vector<Value> awkward_values(const Field& field) {
  if (const auto* integer = std::get_if<IntegerAccess>(&field.access)) {
    return {integer->range.low, integer->range.high};
  }
  if (const auto* integer = std::get_if<OptionalIntegerAccess>(&field.access)) {
    return {Value(), integer->range.low, integer->range.high};
  }
  if (const auto* choice = std::get_if<ChoiceAccess>(&field.access)) {
    std::vector<Value> all;
    for (const std::string_view text : choice->words) all.emplace_back(std::string(text));
    return all;
  }
  if (const auto* choice = std::get_if<OptionalChoiceAccess>(&field.access)) {
    std::vector<Value> all{Value()};
    for (const std::string_view text : choice->words) all.emplace_back(std::string(text));
    return all;
  }
  if (std::holds_alternative<DiversityAccess>(field.access)) {
    return {std::int64_t{100}, std::int64_t{2147483646}, std::numeric_limits<double>::infinity()};
  }
  std::vector<Value> all{
      Value(),           false,      true, 5e-324, 0.1,
      1.0 / 3.0,         -1.0 / 3.0, 1.0,  1e15,   1.0 - std::numeric_limits<double>::epsilon() / 2,
      9007199254740991.0};
  for (const char* text :
       {"my \u03b2 [file] = 'x'#1.h5:/a b/c", "copy@0:1 , none@1:", "norms,  memorisation",
        "logit,  attention", "copier,  memoriser", "0, 10:100:7", "mlp.0 * 1e-3 @ :1",
        "a copies=0  items=training , b_2 items=novel labels=own"}) {
    all.emplace_back(std::string(text));
  }
  std::erase_if(all, [&](const Value& value) { return !accepts(field, value); });
  return all;
}

/// A configuration in which the field may have that value beside the others.
std::optional<Config> fitting(const Field& field, const Value& value) {
  for (const SystemRow& system : systems) {
    for (const Diversity K : {Diversity(102), Diversity::infinity()}) {
      for (const bool table : {false, true}) {
        for (const std::int64_t N : {100, 101}) {
          Config config;
          config.model.system = system.system;
          config.data.K = K;
          config.data.N = N;
          if (table) config.data.items = "items.h5:/items";
          config.train.epochs = 1;  // fits any steps_per_epoch
          if (section_of(field) == "blocks") {
            config.blocks.d_model = config.blocks.d_head = 2;
            config.blocks.read_in = ReadIn::linear;
            config.blocks.positions = Positions::learned;
            config.blocks.mlp = MlpIn::every;
          }
          if (field.name == "blocks.n_ctx") config.data.N = 2;
          if (field.name == "blocks.shift") config.blocks.n_ctx = N + 1;
          if (field.name == "blocks.read_in") config.blocks.d_model.reset();
          set(field, value, config);
          if (field.name == "data.label_vectors") config.data.label_count = 2;
          if (field.name == "train.loss_at") config.data.layout = Layout::interleaved;
          if (field.name == "data.concentration") config.data.task = TaskKind::chains;
          if (config.data.copies) config.data.N = *config.data.copies + 1;
          if (field.name == "train.epochs") config.train.steps_per_epoch = 1;
          if (field.name == "record.optimizer") config.train.optimizer = Optimizer::adam;
          if (field.name == "train.warmup") config.train.steps_per_epoch = 4294967295;
          if (!find_conflict(config)) return config;
        }
      }
    }
  }
  return std::nullopt;
}

TEST(ToToml, RoundTripsEveryField) {
  for (const Field& field : fields()) {
    int read_back = 0;
    for (const Value& value : awkward_values(field)) {
      SCOPED_TRACE(std::string(field.name) + " = " + to_text(value));
      const auto config = fitting(field, value);
      // of the texts, any is accepted where only certain names have a meaning
      ASSERT_TRUE(config || field.name == "probe.record" || field.name == "record.activations" ||
                  field.name == "record.observers");
      if (!config) continue;
      const Config read = parse(to_toml(*config), "stored");
      EXPECT_TRUE(read == *config);
      const auto* words = std::get_if<std::string>(&value);
      EXPECT_EQ(get(field, read), words == nullptr ? value : Value(spelled(field.name, *words)));
      read_back += value == get(field, Config{}) ? 0 : 1;
    }
    EXPECT_GT(read_back, 0) << field.name << " was tried at its default only";
  }
}

}  // namespace
}  // namespace icl::config
