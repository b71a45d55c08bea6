#include "icl/config/eval_set.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "trim.hpp"

namespace icl::config {
namespace {

constexpr std::size_t longest_name = 32;

/// A small letter, then small letters, digits and _: what stands before _loss in a column's name.
bool is_name(std::string_view text) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz";
  constexpr std::string_view others = "0123456789_";
  return !text.empty() && text.size() <= longest_name &&
         letters.find(text.front()) != std::string_view::npos &&
         std::ranges::all_of(text, [&](char c) {
           return letters.find(c) != std::string_view::npos ||
                  others.find(c) != std::string_view::npos;
         });
}

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

/// Sets one "key=value" of an evaluator; false if it is none.
bool apply(std::string_view key, std::string_view value, EvalSet& set) {
  if (key == "items") {
    const auto items = choice_of<EvalItems>(value);
    if (items) set.items = *items;
    return items.has_value();
  }
  if (key == "labels") {
    const auto labels = choice_of<EvalLabels>(value);
    if (labels) set.labels = *labels;
    return labels.has_value();
  }
  const auto number = number_of(value);
  if (!number) return false;
  if (key == "copies") set.copies = *number;
  if (key == "support") set.support = *number;
  return key == "copies" || key == "support";
}

std::optional<EvalSet> read_eval_set(std::string_view text) {
  const auto words = split_words(text);
  if (words.empty() || !is_name(words.front())) return std::nullopt;
  EvalSet set;
  set.name = words.front();
  std::vector<std::string_view> seen;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view key = word.substr(0, equals);
    if (std::ranges::find(seen, key) != seen.end()) return std::nullopt;
    seen.push_back(key);
    if (!apply(key, word.substr(equals + 1), set)) return std::nullopt;
  }
  if (std::ranges::find(seen, "items") == seen.end()) return std::nullopt;
  return set;
}

std::string text_of(const EvalSet& set) {
  std::string text = fmt::format("{} items={}", set.name, word(set.items));
  if (set.labels != EvalLabels::own) text += fmt::format(" labels={}", word(set.labels));
  if (set.copies) text += fmt::format(" copies={}", *set.copies);
  if (set.support) text += fmt::format(" support={}", *set.support);
  return text;
}

}  // namespace

std::optional<std::vector<EvalSet>> read_eval_sets(std::string_view text) {
  std::vector<EvalSet> sets;
  while (true) {
    const std::size_t comma = text.find(',');
    auto set = read_eval_set(trim(text.substr(0, comma)));
    if (!set) return std::nullopt;
    sets.push_back(*std::move(set));
    if (comma == std::string_view::npos) return sets;
    text.remove_prefix(comma + 1);
  }
}

std::string text_of(const std::vector<EvalSet>& sets) {
  std::vector<std::string> texts;
  texts.reserve(sets.size());
  for (const EvalSet& set : sets) texts.push_back(text_of(set));
  return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace icl::config
