#include "icl/config/field_values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "icl/core/error.hpp"

namespace icl::config {
namespace {

using testing::HasSubstr;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Value integer(std::int64_t x) { return x; }

// Counting the members of an aggregate: Plain initialises any member but an optional, Optional
// those.
template <typename T>
constexpr bool is_optional = false;
template <typename T>
constexpr bool is_optional<std::optional<T>> = true;

struct Plain {
  template <typename T>
  requires(!is_optional<T>) operator T() const {  // NOLINT(google-explicit-constructor)
    std::abort();                                 // only its type is ever used
  }
};
struct Optional {
  template <typename T>
  requires is_optional<T>
  operator T() const {  // NOLINT(google-explicit-constructor)
    std::abort();       // only its type is ever used
  }
};

template <typename T, typename... Inits>
constexpr std::size_t member_count() {
  if constexpr (requires { T{Inits{}..., Plain{}}; }) {
    return member_count<T, Inits..., Plain>();
  } else if constexpr (requires { T{Inits{}..., Optional{}}; }) {
    return member_count<T, Inits..., Optional>();
  } else {
    return sizeof...(Inits);
  }
}

TEST(Fields, DescribeEveryMemberOfConfig) {
  static_assert(member_count<Config>() == 12, "count the new section below");
  EXPECT_EQ(sections().size(), member_count<Config>());
  EXPECT_EQ(fields().size(),
            member_count<Model>() + member_count<Init>() + member_count<Data>() +
                member_count<Train>() + member_count<Eval>() + member_count<Probe>() +
                member_count<Intervene>() + member_count<Stop>() + member_count<Record>() +
                member_count<Seed>() + member_count<Compat>() + member_count<Blocks>());
}

TEST(Fields, HaveNameAndDocThatTablesCanShow) {
  std::set<std::string_view> names;
  for (const Field& field : fields()) {
    SCOPED_TRACE(field.name);
    EXPECT_TRUE(names.insert(field.name).second) << "described twice";
    EXPECT_FALSE(field.doc.empty());
    EXPECT_THAT(field.doc, testing::Not(testing::EndsWith(".")));
    const bool absent = std::holds_alternative<std::monostate>(get(field, Config{}));
    EXPECT_EQ(field.when_absent.empty(), !absent);
  }
}

TEST(Fields, AreFoundByNameAndSplitInSectionAndKey) {
  for (const Field& field : fields()) {
    EXPECT_EQ(find_field(field.name), &field);
    EXPECT_EQ(std::string(section_of(field)) + "." + std::string(key_of(field)), field.name);
  }
  EXPECT_EQ(key_of(*find_field("train.seed")), "seed");
}

TEST(Fields, FindOnlyExactNames) {
  EXPECT_EQ(find_field("seed"), nullptr);
  EXPECT_EQ(find_field("train"), nullptr);
  EXPECT_EQ(find_field("data.k"), nullptr);
  EXPECT_EQ(find_field(""), nullptr);
}

/// Each key with a value other than its default, and its member.
struct Named {
  std::string_view name;
  Value value;
  void (*edit)(Config&);
};

const std::vector<Named>& named_members() {
  // clang-format off
  static const std::vector<Named> all{
      {"model.system", "minimal", [](Config& c) { c.model.system = config::System::minimal; }},
      {"model.hidden", integer(2), [](Config& c) { c.model.hidden = 2; }},
      {"model.layers", integer(3), [](Config& c) { c.model.layers = 3; }},
      {"model.beta0", -1.5, [](Config& c) { c.model.beta0 = -1.5; }},
      {"model.w0", 2.5, [](Config& c) { c.model.w0 = 2.5; }},
      {"model.attend_self", true, [](Config& c) { c.model.attend_self = true; }},
      {"init.beta0", 3.5, [](Config& c) { c.init.beta0 = 3.5; }},
      {"data.task", "regression", [](Config& c) { c.data.task = config::TaskKind::regression; }},
      {"data.K", integer(400), [](Config& c) { c.data.K = 400; }},
      {"data.N", integer(4), [](Config& c) { c.data.N = 4; }},
      {"data.D", integer(5), [](Config& c) { c.data.D = 5; }},
      {"data.labels", "equal_context", [](Config& c) { c.data.labels = config::LabelRule::equal_context; }},
      {"data.label_code", "scalar", [](Config& c) { c.data.label_code = config::LabelCode::scalar; }},
      {"data.layout", "interleaved", [](Config& c) { c.data.layout = config::Layout::interleaved; }},
      {"data.label_count", integer(3), [](Config& c) { c.data.label_count = 3; }},
      {"data.label_vectors", "gaussian", [](Config& c) { c.data.label_vectors = config::LabelVectors::gaussian; }},
      {"data.noise", 0.5, [](Config& c) { c.data.noise = 0.5; }},
      {"data.zipf", 1.5, [](Config& c) { c.data.zipf = 1.5; }},
      {"data.bursty", 0.25, [](Config& c) { c.data.bursty = 0.25; }},
      {"data.copies", integer(2), [](Config& c) { c.data.copies = 2; }},
      {"data.novel", 0.375, [](Config& c) { c.data.novel = 0.375; }},
      {"data.concentration", 0.75, [](Config& c) { c.data.concentration = 0.75; }},
      {"data.items", "a.h5:/x", [](Config& c) { c.data.items = "a.h5:/x"; }},
      {"data.novel_items", "b.h5:/y", [](Config& c) { c.data.novel_items = "b.h5:/y"; }},
      {"data.novel_fraction", 0.125, [](Config& c) { c.data.novel_fraction = 0.125; }},
      {"data.scale", "none", [](Config& c) { c.data.scale = config::ItemScale::none; }},
      {"train.seed", integer(6), [](Config& c) { c.train.seed = 6; }},
      {"train.epochs", integer(7), [](Config& c) { c.train.epochs = 7; }},
      {"train.steps_per_epoch", integer(8), [](Config& c) { c.train.steps_per_epoch = 8; }},
      {"train.batch_size", integer(9), [](Config& c) { c.train.batch_size = 9; }},
      {"train.optimizer", "adam", [](Config& c) { c.train.optimizer = config::Optimizer::adam; }},
      {"train.learning_rate", 10.5, [](Config& c) { c.train.learning_rate = 10.5; }},
      {"train.weight_decay_attention", 11.5, [](Config& c) { c.train.weight_decay_attention = 11.5; }},
      {"train.weight_decay_mlp", 12.5, [](Config& c) { c.train.weight_decay_mlp = 12.5; }},
      {"train.adam_beta1", 0.5, [](Config& c) { c.train.adam_beta1 = 0.5; }},
      {"train.adam_beta2", 0.75, [](Config& c) { c.train.adam_beta2 = 0.75; }},
      {"train.adam_epsilon", 0.0625, [](Config& c) { c.train.adam_epsilon = 0.0625; }},
      {"train.schedule", "cosine", [](Config& c) { c.train.schedule = RateSchedule::cosine; }},
      {"train.warmup", integer(7), [](Config& c) { c.train.warmup = 7; }},
      {"train.clip_norm", 2.5, [](Config& c) { c.train.clip_norm = 2.5; }},
      {"train.loss_at", "every", [](Config& c) { c.train.loss_at = LossAt::every; }},
      {"eval.sequences", integer(13), [](Config& c) { c.eval.sequences = 13; }},
      {"eval.every", integer(14), [](Config& c) { c.eval.every = 14; }},
      {"eval.log_points", integer(15), [](Config& c) { c.eval.log_points = 15; }},
      {"eval.refine", true, [](Config& c) { c.eval.refine = true; }},
      {"eval.set", "a items=novel", [](Config& c) { c.eval.set = "a items=novel"; }},
      {"probe.sequences", integer(16), [](Config& c) { c.probe.sequences = 16; }},
      {"probe.record", "norms", [](Config& c) { c.probe.record = "norms"; }},
      {"intervene.freeze", "w", [](Config& c) { c.intervene.freeze = "w"; }},
      {"intervene.clamp", "copy", [](Config& c) { c.intervene.clamp = "copy"; }},
      {"intervene.rate", "w*2", [](Config& c) { c.intervene.rate = "w*2"; }},
      {"stop.icl_accuracy", 0.75, [](Config& c) { c.stop.icl_accuracy = 0.75; }},
      {"stop.c1", 0.25, [](Config& c) { c.stop.c1 = 0.25; }},
      {"record.snapshots", integer(17), [](Config& c) { c.record.snapshots = 17; }},
      {"record.snapshot_every", integer(18), [](Config& c) { c.record.snapshot_every = 18; }},
      {"record.snapshot_steps", "25", [](Config& c) { c.record.snapshot_steps = "25"; }},
      {"record.optimizer", true, [](Config& c) { c.record.optimizer = true; }},
      {"record.activations", "logit", [](Config& c) { c.record.activations = "logit"; }},
      {"record.observers", "copier", [](Config& c) { c.record.observers = "copier"; }},
      {"record.probe_set", integer(26), [](Config& c) { c.record.probe_set = 26; }},
      {"record.publish_seconds", 16.5, [](Config& c) { c.record.publish_seconds = 16.5; }},
      {"seed.init", integer(19), [](Config& c) { c.seed.init = 19; }},
      {"seed.items", integer(20), [](Config& c) { c.seed.items = 20; }},
      {"seed.labels", integer(24), [](Config& c) { c.seed.labels = 24; }},
      {"seed.novel", integer(21), [](Config& c) { c.seed.novel = 21; }},
      {"seed.data", integer(22), [](Config& c) { c.seed.data = 22; }},
      {"seed.eval", integer(23), [](Config& c) { c.seed.eval = 23; }},
      {"seed.probe", integer(27), [](Config& c) { c.seed.probe = 27; }},
      {"compat.frozen_readout", true, [](Config& c) { c.compat.frozen_readout = true; }},
      {"compat.s4_epoch", true, [](Config& c) { c.compat.s4_epoch = true; }},
      {"compat.short_last_batch", true, [](Config& c) { c.compat.short_last_batch = true; }},
      {"compat.item_seeds", true, [](Config& c) { c.compat.item_seeds = true; }},
      {"blocks.n_layers", integer(30), [](Config& c) { c.blocks.n_layers = 30; }},
      {"blocks.n_heads", integer(31), [](Config& c) { c.blocks.n_heads = 31; }},
      {"blocks.d_model", integer(32), [](Config& c) { c.blocks.d_model = 32; }},
      {"blocks.d_head", integer(33), [](Config& c) { c.blocks.d_head = 33; }},
      {"blocks.read_in", "linear", [](Config& c) { c.blocks.read_in = config::ReadIn::linear; }},
      {"blocks.norm", "input", [](Config& c) { c.blocks.norm = config::Norm::input; }},
      {"blocks.positions", "rotary", [](Config& c) { c.blocks.positions = config::Positions::rotary; }},
      {"blocks.n_ctx", integer(34), [](Config& c) { c.blocks.n_ctx = 34; }},
      {"blocks.shift", "random", [](Config& c) { c.blocks.shift = config::Shift::random; }},
      {"blocks.attention", "linear", [](Config& c) { c.blocks.attention = config::AttentionKind::linear; }},
      {"blocks.attn_scale", "none", [](Config& c) { c.blocks.attn_scale = config::AttentionScale::none; }},
      {"blocks.output", "none", [](Config& c) { c.blocks.output = config::HeadOutput::none; }},
      {"blocks.mlp", "every", [](Config& c) { c.blocks.mlp = config::MlpIn::every; }},
      {"blocks.mlp_layers", integer(3), [](Config& c) { c.blocks.mlp_layers = 3; }},
      {"blocks.d_mlp", integer(36), [](Config& c) { c.blocks.d_mlp = 36; }},
      {"blocks.act_fn", "gelu_new", [](Config& c) { c.blocks.act_fn = config::ActFn::gelu_new; }},
      {"blocks.residual", "attention", [](Config& c) { c.blocks.residual = config::Residual::attention; }},
      {"blocks.readout", "linear", [](Config& c) { c.blocks.readout = config::ReadoutKind::linear; }},
  };
  // clang-format on
  return all;
}

// A row that reads or writes another row's member would pass a round trip, but not this.
TEST(Fields, NameTheMemberThatTheyAccess) {
  ASSERT_EQ(named_members().size(), fields().size());
  for (std::size_t i = 0; i < fields().size(); ++i) {
    const auto& [name, value, edit] = named_members()[i];
    SCOPED_TRACE(name);
    ASSERT_EQ(fields()[i].name, name);
    Config config, expected;
    set(fields()[i], value, config);
    edit(expected);
    EXPECT_TRUE(config == expected);
    EXPECT_FALSE(config == Config{});
    EXPECT_EQ(get(fields()[i], expected), value);
  }
}

TEST(Fields, OptionalKeysCanBeUnset) {
  for (const auto& [name, value, edit] : named_members()) {
    const Field& field = *find_field(name);
    if (field.when_absent.empty()) continue;
    Config config;
    edit(config);
    set(field, Value(), config);
    EXPECT_TRUE(config == Config{}) << name;
  }
}

TEST(Validate, AcceptsTheDefaults) { EXPECT_NO_THROW(validate({})); }

template <typename Edit>
std::string validation_error(Edit edit) {
  Config config;
  edit(config);
  try {
    validate(config);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  return "accepted";
}

TEST(Validate, ChecksEachRange) {
  EXPECT_THAT(validation_error([](Config& c) { c.train.learning_rate = nan; }),
              HasSubstr("train.learning_rate: expected a finite number >= 1e-37 and <= 1e+20, "
                        "found the float nan"));
  EXPECT_THAT(validation_error([](Config& c) { c.stop.icl_accuracy = nan; }),
              HasSubstr("stop.icl_accuracy: expected a finite number > 0 and < 1"));
  EXPECT_THAT(validation_error([](Config& c) { c.data.K = 101; }),
              HasSubstr("data.K: expected an even integer"));
  EXPECT_THAT(validation_error([](Config& c) { c.train.steps_per_epoch = 0; }),
              HasSubstr("train.steps_per_epoch: expected an integer from 1"));
}

TEST(Validate, ThenLooksForConflicts) {
  EXPECT_EQ(validation_error([](Config& c) { c.data.K = 98; }),
            "data.K = 98 must be at least data.N = 100, because IWL evaluation draws N distinct "
            "items");
  EXPECT_THAT(validation_error([](Config& c) {
                c.data.K = 98;
                c.eval.sequences = 0;
              }),
              HasSubstr("eval.sequences: expected an integer"));
}

}  // namespace
}  // namespace icl::config
