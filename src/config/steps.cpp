#include "icl/config/steps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "icl/core/error.hpp"
#include "trim.hpp"

namespace icl::config {
namespace {

/// Its parts between colons; more than three are no range.
struct Parts {
  std::array<std::string_view, 3> text;
  std::size_t count = 0;
};

Error refused(std::string_view text, std::string_view why) {
  return {ExitCode::usage, fmt::format("{}: {}", text, why)};
}

std::int64_t number(std::string_view part, std::string_view whole) {
  constexpr std::int64_t most = std::int64_t{1} << 32;
  std::int64_t value = -1;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
  const bool octal = part.size() > 1 && part.front() == '0';
  if (error == std::errc{} && end == part.data() + part.size() && !octal && value >= 0 &&
      value < most) {
    return value;
  }
  throw refused(whole, fmt::format("expected a step (a whole number from 0 to 2^32-1), or "
                                   "FIRST:LAST or FIRST:LAST:EVERY, found \"{}\"",
                                   part));
}

Parts split(std::string_view text) {
  Parts parts;
  std::string_view rest = text;
  while (true) {
    const std::size_t colon = rest.find(':');
    if (parts.count == parts.text.size()) {
      throw refused(text, "a range has at most three parts, FIRST:LAST:EVERY");
    }
    parts.text.at(parts.count++) = trim(rest.substr(0, colon));
    if (colon == std::string_view::npos) return parts;
    rest.remove_prefix(colon + 1);
  }
}

StepRange read_one(std::string_view text) {
  const Parts parts = split(text);
  const auto& [first, last, every] = parts.text;
  StepRange range;
  if (parts.count == 1) {
    range.first = number(first, text);
    range.last = range.first + 1;
    return range;
  }
  if (!first.empty()) range.first = number(first, text);
  if (!last.empty()) range.last = number(last, text);
  if (parts.count == 3) range.every = number(every, text);
  if (range.every == 0) throw refused(text, "steps at a distance of 0: EVERY must be at least 1");
  if (range.last && *range.last < range.first) {
    throw refused(text, "the range descends: FIRST must be less than LAST");
  }
  if (range.last && *range.last == range.first) {
    throw refused(text, "the range holds no step: LAST is not in it");
  }
  return range;
}

}  // namespace

std::vector<StepRange> parse_steps(std::string_view text) {
  std::vector<StepRange> ranges;
  while (true) {
    const std::size_t comma = text.find(',');
    ranges.push_back(read_one(trim(text.substr(0, comma))));
    if (comma == std::string_view::npos) return ranges;
    text.remove_prefix(comma + 1);
  }
}

std::optional<std::vector<StepRange>> read_steps(std::string_view text) {
  try {
    return parse_steps(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::int64_t last_of(const StepRange& range, std::int64_t end) {
  const std::int64_t bound = range.last ? *range.last - 1 : std::max(range.first, end);
  return range.first + (bound - range.first) / range.every * range.every;
}

std::vector<std::int64_t> steps_of(const std::vector<StepRange>& ranges, std::int64_t end) {
  std::vector<std::int64_t> steps;
  for (const StepRange& range : ranges) {
    const std::int64_t last = last_of(range, end);
    steps.reserve(steps.size() + static_cast<std::size_t>((last - range.first) / range.every + 1));
    for (std::int64_t step = range.first; step <= last; step += range.every) steps.push_back(step);
  }
  std::ranges::sort(steps);
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
  return steps;
}

}  // namespace icl::config
