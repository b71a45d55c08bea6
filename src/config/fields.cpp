#include "icl/config/fields.hpp"

#include <algorithm>
#include <array>

#include "blocks_fields.hpp"
#include "field_access.hpp"
#include "field_docs.hpp"
#include "icl/config/system.hpp"

namespace icl::config {
namespace {

constexpr std::int64_t power_of_two(int exponent) { return std::int64_t{1} << exponent; }

/// Integers up to here are exact in a double, hence in HDF5 readers for R and JavaScript.
constexpr std::int64_t max_seed = power_of_two(53) - 1;
constexpr std::int64_t max_steps = power_of_two(32) - 1;
constexpr std::int64_t max_count = power_of_two(31) - 1;
constexpr std::int64_t max_points = 10000;

constexpr Range<std::int64_t> seed_range{0, max_seed};
// So that a rate, a decay and their product are finite in float, and a rate is not 0 there.
constexpr Range<double> learning_rate{.low = least_rate, .high = greatest_rate};
constexpr Range<double> decay{.low = 0, .high = 1e16};
constexpr Range<double> share{.low = 0, .high = 1};
constexpr Range<double> above_0_to_1{.low = 0, .high = 1, .low_bound = Bound::exclusive};
constexpr Range<double> below_1{.low = 0, .high = 1, .high_bound = Bound::exclusive};
constexpr Range<double> signed_number{.low = -1e3, .high = 1e3};
constexpr Range<double> initial_beta{.low = -20, .high = 20};
constexpr double max_exponent = 100;
constexpr double max_noise = 1e6;
constexpr Range<double> concentration{.low = 0.01, .high = 1000};

/// FILE:/DATASET
bool is_dataset(std::string_view text) {
  const std::size_t colon = text.rfind(":/");
  return colon != std::string_view::npos && colon > 0 && colon + 2 < text.size();
}
constexpr std::string_view dataset_form = "FILE.h5:/DATASET";
constexpr std::string_view freeze_form = "NAME@FIRST:LAST, ...";
constexpr std::string_view clamp_form = "WORD@FIRST:LAST or WORD/LAYER.HEAD@FIRST:LAST, ...";
constexpr std::string_view steps_form = "STEP or FIRST:LAST:EVERY, ...";
constexpr std::string_view rate_form = "NAME*FACTOR@FIRST:LAST, ...";
constexpr Range<double> publish_seconds{.low = 0, .high = 1e6};
// Not 0 in float, where it divides.
constexpr Range<double> epsilon{.low = least_rate, .high = 1, .high_bound = Bound::exclusive};
constexpr Range<double> between_0_and_1{
    .low = 0, .high = 1, .low_bound = Bound::exclusive, .high_bound = Bound::exclusive};

constexpr std::array other_fields = {
    Field{"model.system", "", "The model to train", choice<&Config::model, &Model::system>()},
    Field{"model.hidden", "units", "Width of each hidden layer of the MLP",
          IntegerAccess{member<&Config::model, &Model::hidden>(), {1, max_size}}},
    Field{"model.layers", "layers",
          "Layers of attention in the system multi_layer; all but the last attend causally from "
          "every token and end in an MLP",
          IntegerAccess{member<&Config::model, &Model::layers>(), {1, max_layers}}},
    Field{"model.beta0", "",
          "Initial inverse temperature beta of the systems scalar_beta and minimal",
          OptionalNumberAccess{member<&Config::model, &Model::beta0>(), signed_number},
          "drawn from N(0, 1)"},
    Field{"model.w0", "", "Initial weight w of the attention path of the system minimal",
          NumberAccess{member<&Config::model, &Model::w0>(), signed_number}},
    Field{"model.attend_self", "",
          "Whether the target of the system minimal attends to itself too, as that of the "
          "transformers does",
          SwitchAccess{member<&Config::model, &Model::attend_self>()}},
    Field{"init.beta0", "nat",
          "Effective beta that the system one_layer begins with, as a mean over sequences: W_q, as "
          "drawn, takes up a multiple of W_k on the entries of items, which raises or lowers the "
          "score on a copy",
          OptionalNumberAccess{member<&Config::init, &Init::beta0>(), initial_beta},
          "W_q stays as it is drawn"},
    Field{"data.task", "", tasks_doc, optional_choice<&Config::data, &Data::task>(), "labels"},
    Field{"data.K", "items",
          "Task diversity: the number of items in the training set, or with another data.task of "
          "what a sequence is of (a w of regression, a chain); inf draws fresh items and labels, "
          "or a fresh one of these, for every sequence",
          DiversityAccess{member<&Config::data, &Data::K>(), {2, max_count - 1}}},
    Field{"data.N", "tokens",
          "Tokens in a sequence: N-1 items with their labels, then the target item; or N symbols",
          IntegerAccess{member<&Config::data, &Data::N>(), {2, max_size}}},
    Field{"data.D", "", "Dimension of an item, or the number S of symbols where tokens are these",
          IntegerAccess{member<&Config::data, &Data::D>(), {1, max_size}}},
    Field{"data.labels", "",
          "Labels in a training sequence: independent; N/2 of the N tokens, target included, of "
          "each (equal_sequence); (N-1)/2 of the N-1 context tokens of each (equal_context); or "
          "(N-2)/2 of the N-2 tokens beside target and copy of each (equal_others)",
          choice<&Config::data, &Data::labels>()},
    Field{"data.label_code", "",
          "How a token holds its label: two entries of which one is 1, or one entry of +1 or -1",
          choice<&Config::data, &Data::label_code>()},
    Field{
        "data.layout", "",
        "How items and labels make the tokens that the system blocks reads: an item with its label "
        "in one token (concatenated), or x, l, x, l, ..., x, 2N - 1 tokens (interleaved)",
        optional_choice<&Config::data, &Data::layout>(), "concatenated"},
    Field{"data.label_count", "labels",
          "Labels L of the items, which the system blocks tells apart by L logits and the "
          "cross-entropy loss; equally many items have each, to within one",
          OptionalIntegerAccess{member<&Config::data, &Data::label_count>(), {2, max_size}},
          "two labels -1 and +1, one logit, and the logistic loss"},
    Field{"data.label_vectors", "",
          "How a token holds one of data.label_count labels: L entries of which one is 1, or D "
          "entries drawn once from N(0, 1/D), which with data.layout = interleaved take the place "
          "of an item's",
          optional_choice<&Config::data, &Data::label_vectors>(), "onehot"},
    Field{"data.noise", "",
          "Within-item noise epsilon: each token holds (x + epsilon xi) / sqrt(1 + epsilon^2), xi "
          "~ N(0, I/D) fresh; with data.task = regression the standard deviation of y about w . x",
          NumberAccess{member<&Config::data, &Data::noise>(), {0, max_noise}}},
    Field{
        "data.zipf", "",
        "Exponent alpha of the frequencies p_k ~ k^-alpha of the training items in training "
        "sequences; 0 for equal ones. Targets are less even than that: the bursty rule replaces a "
        "rare target by an item of its context",
        NumberAccess{member<&Config::data, &Data::zipf>(), {0, max_exponent}}},
    Field{"data.bursty", "",
          "Probability that a training sequence holds a copy of its target; the others hold none. "
          "One of new items (data.novel) always holds one",
          NumberAccess{member<&Config::data, &Data::bursty>(), share}},
    Field{
        "data.copies", "tokens",
        "How often each item of a context stands there: (N-1)/copies items are drawn, and the "
        "target is one of them (burstiness B of Reddy 2024); in training wherever a sequence holds "
        "a copy (data.bursty), in ICL and in [[eval.set]], not in what probes look at",
        OptionalIntegerAccess{member<&Config::data, &Data::copies>(), {1, max_size - 1}},
        "all N items are drawn by themselves, and the context holds the target's at least once"},
    Field{"data.novel", "",
          "Probability that the items of a training sequence, and their labels, are new in it, so "
          "that only its context, which then holds a copy of the target, gives the answer",
          OptionalNumberAccess{member<&Config::data, &Data::novel>(), above_0_to_1},
          "no sequence has items of its own"},
    Field{"data.concentration", "",
          "Concentration alpha of the Dirichlet distribution that probabilities of symbols are "
          "drawn from, of a chain those after each symbol: small ones make the next one nearly "
          "certain",
          OptionalNumberAccess{member<&Config::data, &Data::concentration>(), concentration}, "1"},
    Field{"data.items", "",
          "Items from an HDF5 file in place of Gaussian ones: rows [classes, D] or [classes, "
          "exemplars, D]",
          text<&Config::data, &Data::items, is_dataset>(dataset_form), "x ~ N(0, I/D)"},
    Field{"data.novel_items", "", "Data set of the novel items, where data.items is set",
          text<&Config::data, &Data::novel_items, is_dataset>(dataset_form),
          "a share data.novel_fraction of data.items, held out at random"},
    Field{"data.novel_fraction", "", "Share of the classes of data.items that are novel items",
          NumberAccess{member<&Config::data, &Data::novel_fraction>(), between_0_and_1}},
    Field{"data.scale", "",
          "What is done to data.items: one factor for all that makes the mean squared norm 1, or "
          "nothing",
          choice<&Config::data, &Data::scale>()},
    Field{"train.seed", "", "The seed from which every seed that is not set is derived",
          IntegerAccess{member<&Config::train, &Train::seed>(), seed_range}},
    Field{"train.epochs", "epochs",
          "Length of the run; an evaluation is made at step 0 and, unless eval.every says "
          "otherwise, after each epoch",
          IntegerAccess{member<&Config::train, &Train::epochs>(), {1, max_steps}}},
    Field{"train.steps_per_epoch", "steps", "Optimiser steps in an epoch",
          IntegerAccess{member<&Config::train, &Train::steps_per_epoch>(), {1, max_steps}}},
    Field{"train.batch_size", "sequences", "Sequences in one step",
          IntegerAccess{member<&Config::train, &Train::batch_size>(), {1, max_size}}},
    Field{"train.optimizer", "", optimizers_doc, choice<&Config::train, &Train::optimizer>()},
    Field{"train.learning_rate", "", "Learning rate",
          NumberAccess{member<&Config::train, &Train::learning_rate>(), learning_rate}},
    Field{"train.weight_decay_attention", "",
          "L2 coefficient lambda, added to the gradient g as g + lambda*w, of the layer norm and "
          "the query, key and value matrices; in the system scalar_beta of beta and the value "
          "matrix, in "
          "minimal of w and beta",
          NumberAccess{member<&Config::train, &Train::weight_decay_attention>(), decay}},
    Field{"train.weight_decay_mlp", "",
          "L2 coefficient lambda, added to the gradient g as g + lambda*w, of the MLP",
          NumberAccess{member<&Config::train, &Train::weight_decay_mlp>(), decay}},
    Field{"train.adam_beta1", "", "Adam's decay rate of the mean of gradients",
          NumberAccess{member<&Config::train, &Train::adam_beta1>(), below_1}},
    Field{"train.adam_beta2", "", "Adam's decay rate of the mean of squared gradients",
          NumberAccess{member<&Config::train, &Train::adam_beta2>(), below_1}},
    Field{"train.adam_epsilon", "", "Added to the root of Adam's mean of squares",
          NumberAccess{member<&Config::train, &Train::adam_epsilon>(), epsilon}},
    Field{"train.schedule", "",
          "How the learning rate goes on after its warm-up: constant; or down to 0 at the end of "
          "the run, by half a cosine or in a line (a triangle with its warm-up)",
          choice<&Config::train, &Train::schedule>()},
    Field{"train.warmup", "steps",
          "Steps over which the learning rate rises in a line: step s = 0, 1, ... has (s+1)/warmup "
          "of it",
          IntegerAccess{member<&Config::train, &Train::warmup>(), {0, max_steps}}},
    Field{
        "train.clip_norm", "",
        "Largest norm of the gradient of all trained parameters together, without weight decay; a "
        "longer one is shortened to it",
        OptionalNumberAccess{member<&Config::train, &Train::clip_norm>(), learning_rate},
        "no gradient is clipped"},
    Field{"train.loss_at", "",
          "Where training asks the system blocks for answers: behind the last token of a sequence "
          "(query); or behind each of its N items or symbols for that item's label or y, or for "
          "the symbol that comes next, and the loss is the mean over all of them (every). "
          "Evaluations ask behind the last token alone",
          optional_choice<&Config::train, &Train::loss_at>(), "query"},
    Field{"eval.sequences", "sequences", "Sequences of each kind, ICL and IWL, at each evaluation",
          IntegerAccess{member<&Config::eval, &Eval::sequences>(), {1, 10000000}}},
    Field{"eval.every", "steps",
          "Steps between evaluations; 0 for none but those at step 0, of eval.log_points, and at "
          "the end",
          OptionalIntegerAccess{member<&Config::eval, &Eval::every>(), {0, max_steps}}, "an epoch"},
    Field{"eval.log_points", "evaluations",
          "Evaluations spaced evenly in log(step) from step 1 to the end, beside the others",
          IntegerAccess{member<&Config::eval, &Eval::log_points>(), {0, max_points}}},
    Field{
        "eval.refine", "",
        "Whether t_ICL is found to the single step too: the first step since the evaluation before "
        "at which accuracy on the ICL sequences of this evaluation is above 0.95, by training "
        "again and looking at each step",
        SwitchAccess{member<&Config::eval, &Eval::refine>()}},
    Field{"eval.set", "",
          "Further sequences that each evaluation measures, each a table [[eval.set]] of a name, "
          "items and, if need be, labels, copies and support: columns NAME_loss and NAME_accuracy",
          text<&Config::eval, &Eval::set>(eval_set_form), "none beside ICL and IWL"},
    Field{"probe.sequences", "sequences",
          "Sequences of training items, tasks, chains or urns that the probes look at, at each "
          "evaluation (and so many of its ICL and IWL sequences, the first ones, that lesions look "
          "at); 0 for no probes; of items K or more for every item once",
          IntegerAccess{member<&Config::probe, &Probe::sequences>(), {0, 10000000}}},
    Field{"probe.record", "", std::string_view(probes_doc.data(), probes_doc.size()),
          text<&Config::probe, &Probe::record>("NAME, ..."), "all that the system has"},
    Field{"intervene.freeze", "",
          "Sub-circuits that are not trained, and over which steps: attention, memoriser, or a "
          "parameter's name",
          text<&Config::intervene, &Intervene::freeze>(freeze_form), "everything is trained"},
    Field{"intervene.clamp", "",
          "What attention is clamped to, in training and evaluation: copy, uniform or none, the "
          "target's in the last layer (of all tokens there, while train.loss_at = every trains); "
          "with "
          "/LAYER or /LAYER.HEAD (from 0) that of heads of blocks, "
          "also previous: each token's on the one before",
          text<&Config::intervene, &Intervene::clamp>(clamp_form), "attention is learned"},
    Field{"intervene.rate", "", "Factors on the learning rate of sub-circuits",
          text<&Config::intervene, &Intervene::rate>(rate_form), "all have train.learning_rate"},
    Field{"stop.icl_accuracy", "",
          "Stop at the first evaluation whose ICL accuracy is greater than this",
          OptionalNumberAccess{member<&Config::stop, &Stop::icl_accuracy>(), between_0_and_1},
          "train for all epochs"},
    Field{"stop.c1", "",
          "Stop at the first evaluation whose c1, the mean of sigma(-phi+) over training items, is "
          "less than this",
          OptionalNumberAccess{member<&Config::stop, &Stop::c1>(), between_0_and_1},
          "train for all epochs"},
    Field{"record.snapshots", "snapshots",
          "Log-spaced snapshots of all parameters, step 0 included; the final parameters are "
          "always recorded",
          IntegerAccess{member<&Config::record, &Record::snapshots>(), {0, max_points}}},
    Field{"record.snapshot_every", "steps", "Steps between snapshots, beside those",
          OptionalIntegerAccess{member<&Config::record, &Record::snapshot_every>(), {1, max_steps}},
          "only log-spaced ones"},
    Field{"record.snapshot_steps", "steps", "Steps of further snapshots",
          text<&Config::record, &Record::snapshot_steps>(steps_form), "only those"},
    Field{"record.optimizer", "",
          "Whether snapshots hold what Adam remembers too: then any of them is a whole state",
          SwitchAccess{member<&Config::record, &Record::optimizer>()}},
    Field{"record.activations", "",
          "Activations on the sequences of /probe_set, to be recorded with each snapshot: logit, "
          "attention, query, attended, mlp_input, hidden_1, hidden_2",
          text<&Config::record, &Record::activations>("NAME, ..."), "none, and no /probe_set"},
    Field{"record.observers", "", std::string_view(observers_doc.data(), observers_doc.size()),
          text<&Config::record, &Record::observers>("NAME, ..."), "none"},
    Field{"record.probe_set", "sequences",
          "Sequences of /probe_set: half of novel items, half of training items, if there are both",
          IntegerAccess{member<&Config::record, &Record::probe_set>(), {2, max_size}}},
    Field{
        "record.publish_seconds", "s", "Least time between two publications of the run file",
        OptionalNumberAccess{member<&Config::record, &Record::publish_seconds>(), publish_seconds},
        "at least 5 s, and so rarely that publishing takes at most 0.5 % of the run time",
        Decides::writing},
    Field{"seed.init", "", "Seed of the initial parameters",
          OptionalIntegerAccess{member<&Config::seed, &Seed::init>(), seed_range},
          "derived from train.seed"},
    Field{"seed.items", "", "Seed of the items",
          OptionalIntegerAccess{member<&Config::seed, &Seed::items>(), seed_range},
          "derived from train.seed"},
    Field{"seed.labels", "", "Seed of the labels of the training items",
          OptionalIntegerAccess{member<&Config::seed, &Seed::labels>(), seed_range},
          "the seed of the items; with compat.item_seeds derived from train.seed"},
    Field{"seed.novel", "", "Seed of the novel items",
          OptionalIntegerAccess{member<&Config::seed, &Seed::novel>(), seed_range},
          "the seed of the items"},
    Field{"seed.data", "", "Seed of the training sequences",
          OptionalIntegerAccess{member<&Config::seed, &Seed::data>(), seed_range},
          "derived from train.seed"},
    Field{"seed.eval", "", "Seed of the evaluation sequences",
          OptionalIntegerAccess{member<&Config::seed, &Seed::eval>(), seed_range},
          "derived from train.seed"},
    Field{"seed.probe", "",
          "Seed of the sequences of /probe_set and of their novel items: set, they are the same "
          "whatever train.seed is",
          OptionalIntegerAccess{member<&Config::seed, &Seed::probe>(), seed_range},
          "derived from train.seed"},
    Field{"compat.frozen_readout", "",
          "Whether the output MLP of the system multi_layer stays as it was drawn, as published",
          SwitchAccess{member<&Config::compat, &Compat::frozen_readout>()}},
    Field{"compat.s4_epoch", "",
          "Whether the system memoriser goes through 60,000 numbers modulo K in random order each "
          "epoch, as published, and does not draw items uniformly",
          SwitchAccess{member<&Config::compat, &Compat::s4_epoch>()}},
    Field{
        "compat.short_last_batch", "",
        "Whether an epoch is 60,000 sequences, as published, so that its last batch is smaller (96 "
        "of 128)",
        SwitchAccess{member<&Config::compat, &Compat::short_last_batch>()}},
    Field{"compat.item_seeds", "",
          "Whether all runs have the same items, whatever train.seed is, while their labels follow "
          "it, as published for the transformers",
          SwitchAccess{member<&Config::compat, &Compat::item_seeds>()}},
};

constexpr auto table = [] {
  std::array<Field, other_fields.size() + blocks_fields.size()> all{};
  std::ranges::copy(blocks_fields, std::ranges::copy(other_fields, all.begin()).out);
  return all;
}();

}  // namespace

std::span<const Field> fields() { return table; }

const Field* find_field(std::string_view name) {
  const auto* const row = std::ranges::find(table, name, &Field::name);
  return row == table.end() ? nullptr : row;
}

std::string_view section_of(const Field& field) {
  return field.name.substr(0, field.name.find('.'));
}

std::string_view key_of(const Field& field) { return field.name.substr(field.name.find('.') + 1); }

std::vector<std::string_view> sections() {
  std::vector<std::string_view> names;
  for (const Field& field : table) {
    if (names.empty() || names.back() != section_of(field)) {
      names.push_back(section_of(field));
    }
  }
  return names;
}

}  // namespace icl::config
