#include "icl/task/item_label.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "icl/config/observers.hpp"
#include "icl/core/error.hpp"
#include "icl/task/fresh_item.hpp"
#include "icl/task/registry.hpp"
#include "rule.hpp"

namespace icl::task {
namespace {

constexpr std::int64_t item_tile = 256;

/// Labels, frequencies and encoded tokens of the items; with data.items their rows too, of one
/// exemplar each (how many there are, only the file says).
double item_bytes(const config::Config& config, std::int64_t width) {
  if (config.data.K.is_infinite()) return 0;
  const auto count = static_cast<double>(config.data.K.count());
  const double rows = count + std::min(count, static_cast<double>(ItemLabelTask::most_novel_items));
  double bytes = 2 * rows * static_cast<double>(width) * sizeof(Real) + rows * sizeof(Label);
  if (config.data.zipf > 0) bytes += 2 * count * sizeof(double);
  if (config.data.labels != config::LabelRule::independent) {
    constexpr double member = sizeof(std::int32_t);
    bytes += rows * (config.data.zipf > 0 ? member + sizeof(double) : member);
  }
  const auto observers = config::observers_of(config);
  if (std::ranges::find(observers, config::ObserverName::memoriser) != observers.end()) {
    // its own rows and labels and, where frequencies differ, their logarithms
    const double doubles = config.data.zipf > 0 ? 1 : 0;
    bytes += count * (static_cast<double>(config.data.D) * sizeof(float) + sizeof(std::int32_t) +
                      doubles * sizeof(double));
  }
  constexpr double copies = 2;  // of given rows: as read and as chosen
  if (!config.data.items) return bytes;
  return bytes + copies * rows * static_cast<double>(config.data.D) * sizeof(float);
}

/// The target, a posterior, of the copier over the tokens of a context that lie beside each other,
/// and a sum for each label.
double item_answer_bytes(const config::Config& config, config::ObserverName name) {
  const double item = static_cast<double>(config.data.D) * sizeof(float);
  const double beside =
      item + static_cast<double>(config.data.label_count.value_or(2)) * sizeof(double);
  if (name == config::ObserverName::copier) {
    return beside +
           static_cast<double>(config.data.N) * (item + sizeof(std::int32_t) + sizeof(double));
  }
  if (name != config::ObserverName::memoriser || config.data.K.is_infinite()) return 0;
  return beside + static_cast<double>(config.data.K.count()) * sizeof(double);
}

}  // namespace

const TaskDefinition tasks::labels{
    .make = [](const config::Config& config, std::optional<GivenItems>&& given,
               const TokenEncoder& encoder, const Workers& workers) -> std::unique_ptr<Task> {
      return std::make_unique<ItemLabelTask>(config, std::move(given), encoder, workers);
    },
    .room =
        [](const config::Config& config, BatchShape shape, std::int64_t capacity, Storage storage) {
          shape.own_tokens = shape.own_tokens || draws_own_tokens(config);
          shape.shifted = config::starts(config) > 1;
          return room_for(shape, capacity, storage);
        },
    .table_bytes = item_bytes,
    .answer_bytes = item_answer_bytes};

ItemLabelTask::ItemLabelTask(const config::Config& config, std::optional<GivenItems> given,
                             const TokenEncoder& encoder, const Workers& workers)
    : encoder_(encoder),
      traits_(traits_of(config)),
      from_table_(given.has_value()),
      fresh_items_(config.data.K.is_infinite()),
      length_(encoder.reads_context() ? config.data.N : 1),
      dimension_(config.data.D),
      starts_(config::starts(config)),
      noise_(config.data.noise),
      bursty_(config.data.bursty),
      novel_share_(config.data.novel.value_or(0)),
      copies_(config.data.copies),
      own_tokens_(draws_own_tokens(config)),
      zipf_(config.data.zipf),
      rule_(config.data.labels),
      label_count_(config.data.label_count),
      probe_sequences_(config.probe.sequences),
      epoch_batch_(config.train.batch_size),
      in_order_(config.compat.s4_epoch),
      seeds_(config) {
  traits_.context = length_ > 1;
  if (config.compat.s4_epoch || config.compat.short_last_batch) {
    epoch_steps_ = config.train.steps_per_epoch;
  }
  if (fresh_items_) {
    make_named(config);
    return;
  }
  const std::int64_t count = config.data.K.count();
  probe_sequences_ = std::min(probe_sequences_, count);
  if (given) {
    training_.labels = given->training.labels;
    novel_.labels = given->novel.labels;
    training_.items = ItemSet(std::move(given->training));
    novel_.items = ItemSet(std::move(given->novel));
  } else {
    training_.items = ItemSet({seeds_.items, Purpose::training_items}, count);
    novel_.items = ItemSet({seeds_.novel, Purpose::novel_items}, std::min(count, most_novel_items));
  }
  if (training_.labels.empty()) {
    training_.labels = draw_labels(seeds_.labels, count, label_count_);
  }
  if (novel_.labels.empty()) {
    // Gaussian novel item i carries the label of training item i.
    const auto same = training_.labels.begin();
    novel_.labels = from_table_ ? draw_labels(seeds_.novel, novel_.items.classes(), label_count_)
                                : std::vector(same, same + novel_.items.classes());
  }
  if (std::ranges::count(novel_.labels, novel_.labels.front()) ==
      static_cast<std::ptrdiff_t>(novel_.labels.size())) {
    throw Error(ExitCode::usage,
                fmt::format("all {} novel items have the label {}, so that guessing would pass "
                            "for in-context learning: more classes, or a larger "
                            "data.novel_fraction, are needed",
                            novel_.labels.size(),
                            label_count_ ? fmt::format("{}", novel_.labels.front())
                                         : fmt::format("{:+d}", novel_.labels.front())));
  }
  make_side(training_,
            config.data.zipf > 0 ? zipf_weights(config.data.zipf, count) : std::vector<double>{},
            workers);
  make_side(novel_, {}, workers);
  make_named(config);
}

/// Their randomness hangs on their names alone, so that one more changes no other.
void ItemLabelTask::make_named(const config::Config& config) {
  if (!config.eval.set) return;
  for (const config::EvalSet& set : **config.eval.set) {
    std::uint32_t hash = 2166136261U;  // FNV-1a
    for (const char c : set.name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
    Named& named = named_.emplace_back(Named{set, derive_seed(seeds_.eval, hash), std::nullopt});
    const bool is_novel = set.items == config::EvalItems::novel;
    const std::int64_t classes = (is_novel ? novel_ : training_).items.classes();
    const std::int64_t support = set.support.value_or(classes);
    if (!fresh_items_ && (support > classes || (set.copies == 0 && support < length_))) {
      throw Error(ExitCode::usage,
                  fmt::format("eval.set: \"{}\" draws from {} {} items, and there are {}", set.name,
                              set.copies == 0 ? std::max(support, length_) : support,
                              is_novel ? "novel" : "training", classes));
    }
    if (!set.support) continue;
    if (!is_novel && config.data.zipf > 0) {
      named.frequencies.emplace(zipf_weights(config.data.zipf, support));
    } else {
      named.frequencies.emplace(static_cast<std::uint32_t>(support));
    }
  }
}

bool draws_own_tokens(const config::Config& config) {
  if (config.data.K.is_infinite() || config.data.noise > 0 || config.data.novel) return true;
  return config.eval.set && std::ranges::any_of(**config.eval.set, [](const config::EvalSet& set) {
           return set.labels != config::EvalLabels::own;
         });
}

void ItemLabelTask::make_side(Side& side, std::vector<double> weights, const Workers& workers) {
  side.frequencies = weights.empty() ? Frequencies(static_cast<std::uint32_t>(side.items.classes()))
                                     : Frequencies(weights);
  if (traits_.label_rule) {
    const auto above = std::ranges::count(side.labels, 1);
    if (above == 0 || std::cmp_equal(above, side.labels.size())) {
      throw Error(ExitCode::usage,
                  fmt::format("data.labels needs items of both labels, but the {} {} items all "
                              "have the label {:+d}: set data.labels = \"independent\", or give "
                              "other or more items",
                              side.labels.size(), &side == &novel_ ? "novel" : "training",
                              side.labels.front()));
    }
    side.by_label.emplace(side.labels, weights);
  }
  const std::int64_t rows = side.items.rows();
  const std::int64_t width = encoder_.token_width();
  side.tokens = {Tensor({rows, width}), Tensor({rows, width})};
  workers.for_tiles(rows, item_tile, [&](Tile some) {
    std::vector<float> x(at(dimension_));
    for (std::int64_t row = some.first; row < some.end(); ++row) {
      side.items.draw(row, x);
      encoder_.encode(x, side.labels[at(row / side.items.exemplars())],
                      side.tokens.context.row(row));
      encoder_.encode(x, 0, side.tokens.target.row(row));
    }
  });
}

Batch ItemLabelTask::make_batch(std::int64_t capacity, Tokens tokens) const {
  const bool own = own_tokens_ || tokens == Tokens::in_the_batch;
  return room_for({length_, dimension_, encoder_.token_width(), own, starts_ > 1}, capacity);
}

void ItemLabelTask::training_batch(std::uint64_t step, std::int64_t size, Batch& batch,
                                   const Workers& workers) const {
  Draw draw = bursty_ < 1 ? Draw::partly_bursty : Draw::bursty;
  if (traits_.label_rule) draw = Draw::equal;
  if (in_order_) draw = Draw::epoch;
  if (epoch_steps_ > 0) {
    const auto before = static_cast<std::int64_t>(step) % epoch_steps_ * epoch_batch_;
    size = std::min(size, published_epoch - before);
  }
  Rule rule{seeds_.data, Purpose::training_sequence, Purpose::training_fresh_items, draw,
            training_};
  rule.copies = copies_;
  rule.novel = novel_share_;
  fill(rule, step, 0, size, batch, workers);
}

void ItemLabelTask::evaluation_batch(std::size_t set, std::uint64_t step, std::int64_t first,
                                     std::int64_t size, Batch& batch,
                                     const Workers& workers) const {
  assert(has(set));
  if (set >= evaluation_sets.size()) {
    const Named& named = named_[set - evaluation_sets.size()];
    Rule rule{named.seed, Purpose::named_evaluation_sequence, Purpose::named_evaluation_fresh_items,
              named.set.copies == 0 ? Draw::distinct : Draw::bursty,
              named.set.items == config::EvalItems::novel ? novel_ : training_};
    rule.copies = named.set.copies ? named.set.copies : copies_;
    rule.labels = named.set.labels;
    if (named.frequencies) rule.frequencies = &*named.frequencies;
    return fill(rule, step, first, size, batch, workers);
  }
  const EvaluationSet& of = evaluation_sets.at(set);
  Rule rule{seeds_.eval, of.sequences, of.fresh_items, of.draw,
            of.items == Items::novel ? novel_ : training_};
  if (of.draw == Draw::bursty) rule.copies = copies_;
  fill(rule, step, first, size, batch, workers);
}

void ItemLabelTask::probe_batch(std::uint64_t step, std::int64_t first, std::int64_t size,
                                CopyLabel label, Batch& batch, const Workers& workers) const {
  assert(first + size <= probe_sequences_);
  // Under Zipf's law an average over training items is one over how often they are drawn.
  const bool all = !fresh_items_ && zipf_ == 0 && probe_sequences_ == training_.items.classes();
  const auto draw = all ? Draw::each_once : Draw::bursty;
  fill({seeds_.eval, Purpose::probe_sequence, Purpose::probe_fresh_items, draw, training_, label},
       step, first, size, batch, workers);
}

void ItemLabelTask::initial_batch(std::int64_t first, std::int64_t size, Batch& batch,
                                  const Workers& workers) const {
  fill({seeds_.init, Purpose::initial_beta_sequence, Purpose::initial_beta_fresh_items,
        Draw::bursty, training_},
       0, first, size, batch, workers);
}

void ItemLabelTask::fixed_batch(Items items, std::int64_t first, std::int64_t size, Batch& batch,
                                const Workers& workers, const TokenEncoder* encoder) const {
  assert(has_fixed(items));
  const bool novel = items == Items::novel;
  const auto purpose = novel ? Purpose::fixed_novel_sequence : Purpose::fixed_training_sequence;
  fill({seeds_.probe, purpose, Purpose::fixed_fresh_items, Draw::bursty, novel ? novel_ : training_,
        CopyLabel::its_own, novel && !from_table_, encoder},
       0, first, size, batch, workers);
}

std::vector<Task::Table> ItemLabelTask::tables() const {
  return {{"items", &training_.tokens}, {"novel_items", &novel_.tokens}};
}

Batch ItemLabelTask::make_batch_for(std::int64_t capacity, const TokenEncoder& encoder) const {
  return room_for({length_, dimension_, encoder.token_width(), true, starts_ > 1}, capacity);
}

}  // namespace icl::task
