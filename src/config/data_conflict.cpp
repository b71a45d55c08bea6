#include "conflicts.hpp"

#include <fmt/format.h>

#include <string_view>

namespace icl::config {

std::optional<Conflict> in_data(const Config& c) {
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

std::optional<Conflict> in_copies(const Config& c) {
  const std::int64_t context = c.data.N - 1;
  if (c.data.copies && context % *c.data.copies != 0) {
    return Conflict{fmt::format("data.copies = {} must divide the {} items of the context of "
                                "data.N = {}",
                                *c.data.copies, context, c.data.N),
                    {"data.copies", "data.N"}};
  }
  struct Row {
    std::string_view key;
    bool set;
  };
  for (const Row& row : {Row{"data.copies", c.data.copies.has_value()},
                         Row{"data.novel", c.data.novel.has_value()}}) {
    if (!row.set || c.data.labels == LabelRule::independent) continue;
    return Conflict{fmt::format("{} draws labels independently: data.labels = \"{}\" must be "
                                "\"independent\"",
                                row.key, word(c.data.labels)),
                    {row.key, "data.labels"}};
  }
  if (c.data.novel && c.data.items) {
    return Conflict{"data.novel draws Gaussian items, and those of data.items are others",
                    {"data.novel", "data.items"}};
  }
  return std::nullopt;
}

}  // namespace icl::config
