#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/random.hpp"

namespace icl::task {

/// What a task has.
struct Traits {
  bool context =
      false;  ///< sequences of more than the target: otherwise nothing is learned in context
  bool training_items = false;  ///< K is finite: otherwise there is nothing to memorise
  bool label_rule = false;      ///< the labels of training sequences are not independent
};
[[nodiscard]] Traits traits_of(const config::Config&);

/// How the items of a sequence are drawn: see sequences.hpp.
enum class Draw : std::uint8_t { bursty, partly_bursty, equal, distinct, each_once, epoch };

enum class Items : std::uint8_t {
  training,
  novel,  ///< fresh ones at K = infinity; where data.items is set, its novel items
};

/// What an evaluation set is for, beside its own columns.
enum class Role : std::uint8_t {
  none,
  icl,  ///< decides when ICL is acquired; lesions are measured on it; progress and summaries show
        ///< it
  iwl,  ///< lesions are measured on it; progress and summaries show it
};

/// A set of sequences that each evaluation measures a model on, eval.sequences of them, drawn anew
/// for each step.
struct EvaluationSet {
  std::string_view
      name;  ///< of the columns NAME_loss and NAME_accuracy, and of an export's NAME_evaluation
  std::string_view title;     ///< for people
  std::string_view learning;  ///< what its loss and accuracy tell of
  std::string_view on;        ///< what they are measured on, of items with labels
  Draw draw;
  Items items;
  Purpose sequences;    ///< the randomness of the sequences
  Purpose fresh_items;  ///< that of the items at K = infinity
  bool Traits::*needs;
  bool recorded_always;  ///< as NaN where the task does not have what it needs
  Role role = Role::none;
};

/// Those that every task may have, in the order of their columns. A new one is a row here:
/// evaluations, the columns of /metrics, exports and what they take of memory follow. Its purposes
/// are Purpose{64} and on, the first that no row has.
inline constexpr std::array evaluation_sets{
    EvaluationSet{"icl", "ICL", "in-context learning", "sequences of novel items", Draw::bursty,
                  Items::novel, Purpose::icl_sequence, Purpose::icl_fresh_items, &Traits::context,
                  true, Role::icl},
    EvaluationSet{"iwl", "IWL", "in-weights learning",
                  "training items without a copy in the context", Draw::distinct, Items::training,
                  Purpose::iwl_sequence, Purpose::iwl_sequence, &Traits::training_items, true,
                  Role::iwl},
    EvaluationSet{"icl_equal", "ICL, equal labels", "in-context learning",
                  "novel items under the label rule of training", Draw::equal, Items::novel,
                  Purpose::equal_sequence, Purpose::equal_fresh_items, &Traits::label_rule, false},
};
static_assert(
    [] {
      for (const EvaluationSet& one : evaluation_sets) {
        for (const EvaluationSet& other : evaluation_sets) {
          if (&one == &other) continue;
          const bool shares_draws =
              one.sequences == other.sequences || one.sequences == other.fresh_items;
          const bool shares_role = one.role == other.role && one.role != Role::none;
          if (one.name == other.name || shares_draws || shares_role) return false;
        }
      }
      return true;
    }(),
    "evaluation sets differ in name and randomness, and no two have one role");

/// The number of the set of that role, or name; past the last one if there is none.
[[nodiscard]] constexpr std::size_t set_in(Role role) {
  std::size_t i = 0;
  while (i < evaluation_sets.size() && evaluation_sets.at(i).role != role) ++i;
  return i;
}
[[nodiscard]] constexpr std::size_t set_called(std::string_view name) {
  std::size_t i = 0;
  while (i < evaluation_sets.size() && evaluation_sets.at(i).name != name) ++i;
  return i;
}
static_assert(set_in(Role::icl) < evaluation_sets.size() &&
              set_in(Role::iwl) < evaluation_sets.size());

/// What the loss and accuracy of a set are measured on, for people.
[[nodiscard]] inline std::string_view measured_on(const EvaluationSet& set,
                                                  const config::Config& config) {
  const config::TaskRow& task = config::row_of(config::task_of(config));
  if (task.labels) return set.on;
  return set.items == Items::novel ? task.novel : task.training;
}

/// Whether a run of this configuration has columns of a set.
[[nodiscard]] inline bool is_recorded(const EvaluationSet& set, const config::Config& config) {
  return set.recorded_always || traits_of(config).*set.needs;
}

/// What columns and exports say of a set of a run.
struct SetOfRun {
  std::string name, title, learning, on;
  bool is_recorded;                        ///< whether it has columns
  bool is_drawn;                           ///< whether the task has such sequences
  const config::EvalSet* named = nullptr;  ///< that of eval.set, of the configuration it is of
};
/// All sets of a run of this configuration, which outlives them, by their numbers: evaluation_sets,
/// then those of eval.set.
[[nodiscard]] std::vector<SetOfRun> sets_of(const config::Config&);

}  // namespace icl::task
