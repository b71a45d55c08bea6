#include "icl/config/conflict.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "blocks_conflict.hpp"
#include "data_conflict.hpp"
#include "icl/config/activations.hpp"
#include "icl/config/field_values.hpp"
#include "icl/config/intervention.hpp"
#include "icl/config/probe_set.hpp"
#include "icl/config/steps.hpp"
#include "icl/config/system.hpp"
#include "task_conflict.hpp"
#include "trim.hpp"

namespace icl::config {
namespace {

using Result = std::optional<Conflict>;

/// A key that has a meaning only in some systems.
struct SystemsRow {
  std::string_view key;
  Need need;
};
constexpr std::array systems_table{
    SystemsRow{"model.layers", &Capabilities::layers},
    SystemsRow{"model.beta0", &Capabilities::scalar_beta},
    SystemsRow{"model.w0", &Capabilities::path_weight},
    SystemsRow{"model.attend_self", &Capabilities::path_weight},
    SystemsRow{"init.beta0", &Capabilities::initial_beta},
    SystemsRow{"data.label_code", &Capabilities::mixes_paths},
    SystemsRow{"data.layout", &Capabilities::blocks},
    SystemsRow{"data.label_count", &Capabilities::blocks},
    SystemsRow{"data.label_vectors", &Capabilities::blocks},
    SystemsRow{"data.task", &Capabilities::blocks},
    SystemsRow{"record.observers", &Capabilities::blocks},
    SystemsRow{"data.labels", &Capabilities::context},
    SystemsRow{"data.bursty", &Capabilities::context},
    SystemsRow{"data.copies", &Capabilities::context},
    SystemsRow{"data.novel", &Capabilities::context},
    SystemsRow{"eval.set", &Capabilities::context},
    SystemsRow{"stop.icl_accuracy", &Capabilities::context},
    SystemsRow{"eval.refine", &Capabilities::context},
    SystemsRow{"intervene.clamp", &Capabilities::context},
    SystemsRow{"compat.frozen_readout", &Capabilities::layers},
    SystemsRow{"compat.s4_epoch", &Capabilities::memoriser_alone},
};

/// Of a key: those of [blocks] are about the systems that are built by them.
Need need_of(const Field& field) {
  if (section_of(field) == "blocks") return &Capabilities::blocks;
  const auto* const row = std::ranges::find(systems_table, field.name, &SystemsRow::key);
  return row == systems_table.end() ? nullptr : row->need;
}

Result of_other_systems(const Config& c) {
  static const Config defaults;
  for (const Field& field : fields()) {
    const Need need = need_of(field);
    if (meets(row_of(c.model.system).has, need) || get(field, c) == get(field, defaults)) continue;
    std::vector<std::string_view> others;
    others.reserve(systems.size());
    for (const SystemRow& system : systems) {
      if (meets(system.has, need)) others.push_back(system.name);
    }
    return Conflict{
        fmt::format("{} = {} has no meaning in the system \"{}\", only in: {}", field.name,
                    to_text(get(field, c)), word(c.model.system), fmt::join(others, " ")),
        {field.name, "model.system"}};
  }
  return std::nullopt;
}

Result in_sizes(const Config& c) {
  const Diversity K = c.data.K;
  const std::int64_t N = c.data.N;
  const bool context = row_of(c.model.system).has.context;
  if (!context && K.is_infinite()) {
    return Conflict{"data.K = inf leaves the system \"memoriser\" nothing to memorise",
                    {"data.K", "model.system"}};
  }
  if (context && task_of(c) == TaskKind::labels && !K.is_infinite() && K.count() < N) {
    return Conflict{fmt::format("data.K = {} must be at least data.N = {}, because IWL evaluation "
                                "draws N distinct items",
                                K.count(), N),
                    {"data.K", "data.N"}};
  }
  if (c.init.beta0 && N < 3) {
    return Conflict{
        "init.beta0 is about a copy beside other tokens of the context: data.N must be "
        "at least 3",
        {"init.beta0", "data.N"}};
  }
  // Each token of a fresh batch, and each of an evaluation's tokens, has a number of 31 and 32
  // bits.
  const bool fresh = K.is_infinite() || c.data.noise > 0 || c.data.novel || c.eval.set ||
                     task_of(c) == TaskKind::regression;
  if (fresh && N > (std::int64_t{1} << 31) / c.train.batch_size) {
    return Conflict{fmt::format("data.N = {} times train.batch_size = {} must be at most 2^31 "
                                "where every token is drawn anew",
                                N, c.train.batch_size),
                    {"data.N", "train.batch_size", "data.K", "data.noise"}};
  }
  struct Row {
    std::string_view key;
    std::int64_t sequences;
  };
  for (const Row& row :
       {Row{"eval.sequences", c.eval.sequences}, Row{"probe.sequences", c.probe.sequences}}) {
    if (!fresh || N * row.sequences <= std::int64_t{1} << 32) continue;
    return Conflict{fmt::format("data.N = {} times {} = {} must be at most 2^32 where every token "
                                "is drawn anew",
                                N, row.key, row.sequences),
                    {"data.N", row.key, "data.K", "data.noise"}};
  }
  return std::nullopt;
}

Result in_steps(const Config& c) {
  constexpr std::int64_t max_steps = (std::int64_t{1} << 32) - 1;
  if (c.train.epochs > max_steps / c.train.steps_per_epoch) {
    return Conflict{fmt::format("train.epochs = {} times train.steps_per_epoch = {} must be less "
                                "than 2^32 steps",
                                c.train.epochs, c.train.steps_per_epoch),
                    {"train.epochs", "train.steps_per_epoch"}};
  }
  if (c.train.warmup > last_step(c)) {
    return Conflict{
        fmt::format("train.warmup = {} is longer than the run of train.epochs = {} times "
                    "train.steps_per_epoch = {} steps",
                    c.train.warmup, c.train.epochs, c.train.steps_per_epoch),
        {"train.warmup", "train.epochs", "train.steps_per_epoch"}};
  }
  constexpr std::int64_t published_epoch = 60000;
  const std::int64_t steps = (published_epoch + c.train.batch_size - 1) / c.train.batch_size;
  struct Row {
    std::string_view key;
    bool set;
  };
  for (const Row& row : {Row{"compat.s4_epoch", c.compat.s4_epoch},
                         Row{"compat.short_last_batch", c.compat.short_last_batch}}) {
    if (!row.set || c.train.steps_per_epoch == steps) continue;
    return Conflict{
        fmt::format("{}: an epoch of {} sequences in batches of train.batch_size = {} "
                    "has train.steps_per_epoch = {}, not {}",
                    row.key, published_epoch, c.train.batch_size, steps, c.train.steps_per_epoch),
        {row.key, "train.steps_per_epoch", "train.batch_size"}};
  }
  return std::nullopt;
}

Result in_data(const Config& c) {
  const bool infinite = c.data.K.is_infinite();
  if (c.data.labels == LabelRule::equal_sequence && (c.data.N % 2 != 0 || c.data.N < 4)) {
    return Conflict{fmt::format("data.labels = \"equal_sequence\" gives N/2 tokens each label: "
                                "data.N = {} must be even, and at least 4",
                                c.data.N),
                    {"data.labels", "data.N"}};
  }
  if (c.data.labels == LabelRule::equal_context && c.data.N % 2 == 0) {
    return Conflict{fmt::format("data.labels = \"equal_context\" gives (N-1)/2 tokens each label: "
                                "data.N = {} must be odd",
                                c.data.N),
                    {"data.labels", "data.N"}};
  }
  if (c.data.labels == LabelRule::equal_others && c.data.N % 2 != 0) {
    return Conflict{fmt::format("data.labels = \"equal_others\" gives (N-2)/2 tokens each label: "
                                "data.N = {} must be even",
                                c.data.N),
                    {"data.labels", "data.N"}};
  }
  if (c.data.labels != LabelRule::independent && c.data.bursty < 1) {
    return Conflict{fmt::format("data.labels = \"{}\" is a rule for sequences with a copy: "
                                "data.bursty must be 1",
                                word(c.data.labels)),
                    {"data.labels", "data.bursty"}};
  }
  if (c.compat.s4_epoch && c.data.zipf > 0) {
    return Conflict{"compat.s4_epoch goes through all items equally often: data.zipf must be 0",
                    {"compat.s4_epoch", "data.zipf"}};
  }
  struct Row {
    std::string_view key;
    bool set;
  };
  for (const Row& row :
       {Row{"data.items", c.data.items.has_value()}, Row{"data.zipf", c.data.zipf > 0},
        Row{"data.bursty", c.data.bursty < 1}, Row{"data.novel", c.data.novel.has_value()}}) {
    if (infinite && row.set) {
      return Conflict{
          fmt::format("{} has no meaning at data.K = inf, where every item is new", row.key),
          {row.key, "data.K"}};
    }
  }
  for (const Row& row :
       {Row{"data.novel_items", c.data.novel_items.has_value()},
        Row{"data.scale", c.data.scale != Data{}.scale},
        Row{"data.novel_fraction", c.data.novel_fraction != Data{}.novel_fraction}}) {
    if (!c.data.items && row.set) {
      return Conflict{
          fmt::format("{} is about a table of items, and data.items names none", row.key),
          {row.key}};
    }
  }
  return std::nullopt;
}

/// A list of names in the text of a key: each must be that of a row, of one that the system has.
template <class Rows>
Result in_names(const Config& c, std::string_view key, std::string_view noun,
                std::string_view plural, const Names& names, const Rows& rows) {
  std::vector<std::string_view> known;
  std::vector<std::string_view> had;
  for (const auto& row : rows) {
    known.push_back(row.name);
    if (meets(row_of(c.model.system).has, row.need)) had.push_back(row.name);
  }
  for (const std::string& name : *names) {
    if (std::ranges::find(had, name) != had.end()) continue;
    if (std::ranges::find(known, name) == known.end()) {
      return Conflict{fmt::format("{}: there is no {} \"{}\"; the {} are {}", key, noun, name,
                                  plural, fmt::join(known, ", ")),
                      {key}};
    }
    return Conflict{fmt::format("{}: the system \"{}\" has no {} \"{}\"; it has {}", key,
                                word(c.model.system), noun, name, fmt::join(had, ", ")),
                    {key, "model.system"}};
  }
  return std::nullopt;
}

Result in_probes(const Config& c) {
  if (c.probe.record) {
    if (auto found =
            in_names(c, "probe.record", "probe", "probes", *c.probe.record, probe_rows())) {
      return found;
    }
  }
  const auto probes = probes_of(c);
  if (c.stop.c1 && std::ranges::find(probes, ProbeName::memorisation) == probes.end()) {
    return Conflict{"stop.c1 needs the probe \"memorisation\" and probe.sequences > 0",
                    {"stop.c1", "probe.record", "probe.sequences"}};
  }
  return std::nullopt;
}

Result in_activations(const Config& c) {
  if (!c.record.activations) return std::nullopt;
  if ((*c.record.activations)->empty()) {
    return Conflict{"record.activations names none (to record none, leave it out)",
                    {"record.activations"}};
  }
  return in_names(c, "record.activations", "activation", "activations", *c.record.activations,
                  activation_rows());
}

Result in_snapshots(const Config& c) {
  const std::int64_t steps = last_step(c);
  if (c.record.snapshot_steps) {
    for (const StepRange& range : **c.record.snapshot_steps) {
      if (last_of(range, steps) <= steps) continue;
      return Conflict{fmt::format("record.snapshot_steps: step {} lies outside of the run, which "
                                  "goes from step 0 to step {}",
                                  last_of(range, steps), steps),
                      {"record.snapshot_steps", "train.epochs", "train.steps_per_epoch"}};
    }
  }
  if (c.record.optimizer && !traits_of(c.train.optimizer).remembers) {
    return Conflict{
        fmt::format("record.optimizer: train.optimizer = \"{}\" remembers nothing from step to "
                    "step, so that any snapshot is a whole state already",
                    word(c.train.optimizer)),
        {"record.optimizer", "train.optimizer"}};
  }
  return std::nullopt;
}

/// Whether two clamps are of one head; those that name none are of the last layer.
bool share_a_head(const Clamping& a, const Clamping& b, std::int64_t last_layer) {
  return a.layer.value_or(last_layer) == b.layer.value_or(last_layer) &&
         (!a.head || !b.head || *a.head == *b.head);
}

/// A head can be clamped to one thing at a time.
Result in_clamps(const Config& c) {
  if (!c.intervene.clamp) return std::nullopt;
  const bool blocks = row_of(c.model.system).has.heads;
  const std::int64_t last_layer = blocks ? blocks_shape(c).n_layers - 1 : 0;
  const std::vector<Clamping>& all = **c.intervene.clamp;
  constexpr std::int64_t forever = INT64_MAX;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const Clamping& a = all[i];
      const Clamping& b = all[j];
      if (a.first >= b.last.value_or(forever) || b.first >= a.last.value_or(forever)) continue;
      if (!share_a_head(a, b, last_layer)) continue;
      return Conflict{
          fmt::format("intervene.clamp: \"{}\" and \"{}\" overlap", name_of(b), name_of(a)),
          {"intervene.clamp"}};
    }
  }
  return std::nullopt;
}

Result in_interventions(const Config& c) {
  const std::int64_t steps = last_step(c);
  const auto check = [&](std::string_view key, const auto& all, const auto& name_of) -> Result {
    if (!all) return std::nullopt;
    for (const auto& one : **all) {
      if (one.first < steps && one.last.value_or(steps) <= steps) continue;
      return Conflict{fmt::format("{}: steps {}:{} of \"{}\" lie outside of the run's 0:{}", key,
                                  one.first, one.last.value_or(steps), name_of(one), steps),
                      {key, "train.epochs", "train.steps_per_epoch"}};
    }
    return std::nullopt;
  };
  const auto own_name = [](const Intervention& one) { return std::string_view(one.name); };
  const auto full_name = [](const Clamping& one) { return name_of(one); };
  auto found = check("intervene.freeze", c.intervene.freeze, own_name);
  if (!found) found = check("intervene.clamp", c.intervene.clamp, full_name);
  if (!found) found = check("intervene.rate", c.intervene.rate, own_name);
  return found;
}

/// A learning rate times the factors in force must still be a rate: 0 in float trains nothing.
Result in_rates(const Config& c) {
  if (!c.intervene.rate) return std::nullopt;
  const std::vector<Intervention>& all = **c.intervene.rate;
  for (const Intervention& one : all) {
    if (one.factor == 0) continue;
    double rate = c.train.learning_rate;
    for (const Intervention& other : all) {
      if (other.factor != 0 && other.holds(one.first)) rate *= other.factor;
    }
    if (rate >= least_rate && rate <= greatest_rate) continue;
    return Conflict{fmt::format("train.learning_rate = {} times the factors of intervene.rate at "
                                "step {} is {:.6g}: must be from {} to {}, or exactly 0",
                                c.train.learning_rate, one.first, rate, least_rate, greatest_rate),
                    {"intervene.rate", "train.learning_rate"}};
  }
  return std::nullopt;
}

}  // namespace

bool has_meaning(const Field& field, System system) {
  return meets(row_of(system).has, need_of(field));
}

Result find_conflict(const Config& config) {
  for (const auto check :
       {of_other_systems, in_task, in_blocks, in_sizes, in_steps, in_data, in_copies, in_eval_sets,
        in_probes, in_activations, in_snapshots, in_clamps, in_interventions, in_rates}) {
    if (auto conflict = check(config)) return conflict;
  }
  return std::nullopt;
}

}  // namespace icl::config
