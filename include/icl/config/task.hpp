#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "icl/config/loss.hpp"

namespace icl::config {

struct Config;
struct Conflict;

/// The tasks, a row each: the word of data.task, and what `icl keys` says that it asks for. From
/// the word follow the enumerator and the declaration of task::tasks::NAME, which a source of
/// src/task defines: without that the program does not link.
#define ICL_TASKS(ROW)                                                                    \
  ROW(labels, "the label of an item that occurs in its context")                          \
  ROW(regression,                                                                         \
      "linear regression in context, y = w . x + data.noise xi, where w, x and xi are "   \
      "normal variates and a sequence is N-1 pairs (x, y) of one w and the x whose y is " \
      "asked for")                                                                        \
  ROW(chains, "what comes after N symbols of a Markov chain")                             \
  ROW(urns, "what comes after N draws with replacement from an urn of symbols")

#define ICL_ROW(name, ...) name,
enum class TaskKind : std::uint8_t { ICL_TASKS(ICL_ROW) };
#undef ICL_ROW

#define ICL_ROW(name, ...) #name,
constexpr auto words(TaskKind /*type*/) {
  return std::to_array<std::string_view>({ICL_TASKS(ICL_ROW)});
}
#undef ICL_ROW

/// What a task is made of, and how it is spoken of. Keys, probes, tokens, exports and columns ask
/// for these, never which task it is.
struct TaskRow {
  TaskKind task;
  bool items = false;         ///< tokens hold items x of D numbers
  bool symbols = false;       ///< tokens are one of D symbols
  bool labels = false;        ///< items have labels, of which an accuracy of 0.95 tells ICL
  bool copies = false;        ///< tokens of a context may hold the target's item or symbol
  bool draws_tokens = false;  ///< no token is a row of a table, whatever K is
  Asked (*asked)(const Config&);
  std::int64_t (*label_entries)(const Config&);  ///< that a token has for its label, or for its y
  std::string_view one, table;  ///< what K counts: "task", and the table of an export, "tasks"
  std::string_view row;         ///< what a row of that table holds
  /// Sequences of an evaluation set, of novel items and of those of training; empty: its own words.
  std::string_view novel = {}, training = {};
  std::string_view input = {}, output = {};  ///< of /model; empty: the system's own words
  /// Whether its sizes are more than a stream of random numbers, or a table, is enough for;
  /// nullptr: never.
  std::optional<Conflict> (*too_large)(const Config&) = nullptr;
};
/// Those of src/config/task.cpp, one for each name.
[[nodiscard]] const TaskRow& row_of(TaskKind);

}  // namespace icl::config
