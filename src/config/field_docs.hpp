#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "icl/config/observers.hpp"
#include "icl/config/optimizer.hpp"
#include "icl/config/probe_set.hpp"
#include "icl/config/task.hpp"
#include "icl/core/enumeration.hpp"

/// What `icl keys` says of keys whose words are the rows of a table.
namespace icl::config {

/// "Probes to record: ", the names of all, and which of them must be named.
inline constexpr auto probes_doc = [] {
#define ICL_ROW(name, ...) ", " #name
  constexpr std::string_view begin = "Probes to record:";
  constexpr std::string_view names = ICL_PROBES(ICL_ROW);
#undef ICL_ROW
  constexpr std::string_view end =
      "; those of heads where they are named; in a task without labels only those that look at "
      "none";
  std::array<char, begin.size() + names.size() - 1 + end.size()> all{};
  auto* out = std::ranges::copy(begin, all.data()).out;
  out = std::ranges::copy(names.substr(1), out).out;
  std::ranges::copy(end, out);
  return all;
}();
/// What the rows say of the optimisers, one after the other.
#define ICL_ROW(name, doc, ...) "; " doc
inline constexpr std::string_view optimizers_doc =
    std::string_view(ICL_OPTIMIZERS(ICL_ROW)).substr(2);
#undef ICL_ROW
/// What tasks there are, by their words.
#define ICL_ROW(name, doc) "; " #name ": " doc
inline constexpr std::string_view tasks_doc = "What the system blocks learns" ICL_TASKS(ICL_ROW);
#undef ICL_ROW
/// Writes words one after the other where there is room; counts them in any case.
struct Writer {
  char* out;
  std::size_t size = 0;
  constexpr void add(std::string_view words) {
    if (out != nullptr) std::ranges::copy(words, out + size);
    size += words.size();
  }
};
/// The ideal observers of each task that has some.
constexpr std::size_t write_observers_doc(char* out) {
  Writer to{out};
  to.add("Ideal observers whose loss on the evaluation's sequences is recorded, and how far the ");
  to.add("network's answers are from theirs");
  for (std::size_t task = 0; task < enumerator_count<TaskKind>(); ++task) {
    bool first = true;
    for (const ObserverRow& row : observers) {
      if (static_cast<std::size_t>(row.task) != task) continue;
      to.add(first ? "; of " : ", ");
      if (first) to.add(words(TaskKind{}).at(task));
      if (first) to.add(": ");
      to.add(row.name);
      first = false;
    }
  }
  return to.size;
}
inline constexpr auto observers_doc = [] {
  std::array<char, write_observers_doc(nullptr)> all{};
  write_observers_doc(all.data());
  return all;
}();

}  // namespace icl::config
