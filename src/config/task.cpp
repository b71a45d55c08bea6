#include "icl/config/task.hpp"

#include <fmt/format.h>

#include "icl/config/config.hpp"
#include "icl/config/conflict.hpp"

namespace icl::config {
namespace {

/// One stream makes all numbers of a sequence.
std::optional<Conflict> too_many_numbers(const Config& c) {
  constexpr std::int64_t most = std::int64_t{1} << 26;
  if (c.data.N * (c.data.D + 2) <= most) return std::nullopt;
  return Conflict{fmt::format("data.N = {} times data.D + 2 = {} must be at most 2^26 with "
                              "data.task = \"{}\"",
                              c.data.N, c.data.D + 2, word(task_of(c))),
                  {"data.N", "data.D", "data.task"}};
}

/// One stream makes all of a chain, and tokens are rows of S numbers.
std::optional<Conflict> too_many_symbols(const Config& c) {
  constexpr std::int64_t most = 2048;
  if (c.data.D >= 2 && c.data.D <= most) return std::nullopt;
  return Conflict{fmt::format("data.D = {} symbols: must be from 2 to {} with data.task = \"{}\"",
                              c.data.D, most, word(task_of(c))),
                  {"data.D", "data.task"}};
}

Asked the_next_symbol(const Config& c) { return {LossKind::cross_entropy, c.data.D}; }
std::int64_t none(const Config& /*c*/) { return 0; }

constexpr std::array task_rows{
    TaskRow{.task = TaskKind::labels,
            .items = true,
            .labels = true,
            .copies = true,
            .asked =
                [](const Config& c) {
                  if (!c.data.label_count) return Asked{};
                  return Asked{LossKind::cross_entropy, *c.data.label_count};
                },
            .label_entries =
                [](const Config& c) {
                  if (!c.data.label_count) {
                    return std::int64_t{c.data.label_code == LabelCode::onehot ? 2 : 1};
                  }
                  return c.data.label_vectors == LabelVectors::gaussian ? c.data.D
                                                                        : *c.data.label_count;
                },
            .one = "item",
            .table = "items",
            .row = "the numbers of each item"},
    TaskRow{.task = TaskKind::regression,
            .items = true,
            .draws_tokens = true,
            .asked =
                [](const Config&) {
                  return Asked{LossKind::squared, 1};
                },
            .label_entries = [](const Config&) { return std::int64_t{1}; },
            .one = "task",
            .table = "tasks",
            .row = "the w of each task",
            .novel = "sequences of fresh tasks w ~ N(0, I)",
            .training = "sequences of the K training tasks",
            .input =
                "token j = (x_j, y_j), X = D + 1 numbers, with 0 for the y that is asked for, "
                "that of the target, the last; with data.layout = interleaved two tokens in its "
                "place, (x_j, 0) and (zeros, y_j), and (x_N, 0) for the target: N tokens, or 2N - "
                "1",
            .output = "z is the answer to y_N; loss = mean over a batch of (z - y_N)^2",
            .too_large = too_many_numbers},
    TaskRow{
        .task = TaskKind::chains,
        .symbols = true,
        .copies = true,
        .asked = the_next_symbol,
        .label_entries = none,
        .one = "chain",
        .table = "chains",
        .row = "row k S + s: the probabilities of each symbol after symbol s in chain k, S = D",
        .novel = "sequences of fresh chains",
        .training = "sequences of the K training chains",
        .input = "token j = the symbol s_j, of S = D numbers, of which number s_j = 0, 1, ..., S - "
                 "1 is 1: N tokens",
        .output = "z has S entries; P(the next symbol = s) = exp(z_s) / sum over r of exp(z_r); "
                  "loss = mean over a batch of -log P(the symbol that comes after s_N); accuracy = "
                  "share of sequences whose greatest entry of z is that symbol's",
        .too_large = too_many_symbols},
    TaskRow{
        .task = TaskKind::urns,
        .symbols = true,
        .copies = true,
        .asked = the_next_symbol,
        .label_entries = none,
        .one = "urn",
        .table = "urns",
        .row = "row k: the probabilities of each symbol in urn k",
        .novel = "draws from fresh urns",
        .training = "draws from the K training urns",
        .input = "token j = the draw s_j, of S = D numbers, of which number s_j = 0, 1, ..., S - 1 "
                 "is 1: N tokens",
        .output = "z has S entries; P(the next draw = s) = exp(z_s) / sum over r of exp(z_r); loss "
                  "= mean over a batch of -log P(the draw that comes after s_N); accuracy = share "
                  "of sequences whose greatest entry of z is that symbol's",
        .too_large = too_many_symbols},
};
static_assert(task_rows.size() == enumerator_count<TaskKind>() && [] {
  for (std::size_t i = 0; i < task_rows.size(); ++i) {
    if (static_cast<std::size_t>(task_rows[i].task) != i) return false;
  }
  return true;
}());

}  // namespace

const TaskRow& row_of(TaskKind task) { return task_rows.at(static_cast<std::size_t>(task)); }

}  // namespace icl::config
