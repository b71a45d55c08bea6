#include "icl/config/intervention.hpp"

#include <charconv>
#include <cmath>

#include "trim.hpp"

namespace icl::config {
namespace {

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && value >= 0 ? std::optional(value) : std::nullopt;
}

/// FIRST:LAST, either of which may be left out.
bool read_range(std::string_view text, Intervention& out) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view first = text.substr(0, colon);
  const std::string_view last = text.substr(colon + 1);
  if (!first.empty()) {
    const auto step = number<std::int64_t>(first);
    if (!step) return false;
    out.first = *step;
  }
  if (!last.empty()) {
    out.last = number<std::int64_t>(last);
    if (!out.last || *out.last <= out.first) return false;
  }
  return true;
}

std::optional<Intervention> read_one(std::string_view text, Factor factor) {
  Intervention out;
  if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
    if (!read_range(trim(text.substr(at + 1)), out)) return std::nullopt;
    text = trim(text.substr(0, at));
  }
  const std::size_t star = text.find('*');
  if ((star != std::string_view::npos) != (factor == Factor::required)) return std::nullopt;
  if (star != std::string_view::npos) {
    const auto value = number<double>(trim(text.substr(star + 1)));
    if (!value || !std::isfinite(*value)) return std::nullopt;
    out.factor = *value;
    text = trim(text.substr(0, star));
  }
  if (text.empty() || text.find(' ') != std::string_view::npos) return std::nullopt;
  out.name = text;
  return out;
}

/// WORD, WORD/LAYER or WORD/LAYER.HEAD.
std::optional<Clamping> read_clamp(const Intervention& one) {
  const std::string_view name = one.name;
  const std::size_t slash = name.find('/');
  const auto to = choice_of<Clamp>(name.substr(0, slash));
  if (!to) return std::nullopt;
  Clamping clamp{*to, {}, {}, one.first, one.last};
  if (slash == std::string_view::npos) return clamp;
  const std::string_view place = name.substr(slash + 1);
  const std::size_t dot = place.find('.');
  clamp.layer = number<std::int64_t>(place.substr(0, dot));
  if (!clamp.layer) return std::nullopt;
  if (dot == std::string_view::npos) return clamp;
  clamp.head = number<std::int64_t>(place.substr(dot + 1));
  return clamp.head ? std::optional(clamp) : std::nullopt;
}

}  // namespace

std::string name_of(const Clamping& clamp) {
  std::string name(word(clamp.to));
  if (clamp.layer) name += '/' + std::to_string(*clamp.layer);
  if (clamp.head) name += '.' + std::to_string(*clamp.head);
  return name;
}

std::optional<std::vector<Intervention>> parse_interventions(std::string_view text, Factor factor) {
  std::vector<Intervention> all;
  while (true) {
    const std::size_t comma = text.find(',');
    auto one = read_one(trim(text.substr(0, comma)), factor);
    if (!one) return std::nullopt;
    all.push_back(*std::move(one));
    if (comma == std::string_view::npos) return all;
    text.remove_prefix(comma + 1);
  }
}

std::optional<std::vector<Intervention>> read_freezes(std::string_view text) {
  return parse_interventions(text, Factor::none);
}

std::optional<std::vector<Intervention>> read_rates(std::string_view text) {
  return parse_interventions(text, Factor::required);
}

std::optional<std::vector<Clamping>> read_clamps(std::string_view text) {
  const auto all = parse_interventions(text, Factor::none);
  if (!all) return std::nullopt;
  std::vector<Clamping> clamps;
  clamps.reserve(all->size());
  for (const Intervention& one : *all) {
    const auto clamp = read_clamp(one);
    if (!clamp) return std::nullopt;
    clamps.push_back(*clamp);
  }
  return clamps;
}

}  // namespace icl::config
