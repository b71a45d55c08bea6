#include "icl/config/nearest.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "trim.hpp"

namespace icl::config {
namespace {

/// Edit distance of a and b, letter case ignored: letters put in, left out or replaced, and
/// neighbours that changed places, each of which is one slip.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  const std::string left = lower(a);
  const std::string right = lower(b);
  std::vector<std::size_t> above(right.size() + 1);  // the row before the last
  std::vector<std::size_t> last(right.size() + 1);
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 0; i < left.size(); ++i) {
    row[0] = i + 1;
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t replaced = last[j] + (left[i] == right[j] ? 0 : 1);
      row[j + 1] = std::min({replaced, last[j + 1] + 1, row[j] + 1});
      const bool changed_places =
          i > 0 && j > 0 && left[i] == right[j - 1] && left[i - 1] == right[j];
      if (changed_places) row[j + 1] = std::min(row[j + 1], above[j - 1] + 1);
    }
    std::swap(above, last);
    std::swap(last, row);
  }
  return last.back();
}

constexpr std::size_t longest = 100;  // keys are far shorter, and the distance costs length^2
constexpr std::size_t letters_for_one_slip = 3;

}  // namespace

std::string_view nearest_word(std::string_view name, std::span<const std::string> words) {
  std::string_view nearest;
  std::size_t least = name.size() > longest ? 0 : name.size() / letters_for_one_slip + 1;
  for (const std::string& word : words) {
    const std::size_t distance = word.size() > longest ? least : edit_distance(name, word);
    if (distance >= least) continue;
    nearest = word;
    least = distance;
  }
  return nearest;
}

const Field* nearest_field(std::string_view name) {
  if (name.size() > longest) {
    return nullptr;
  }
  const std::string_view last = name.substr(name.rfind('.') + 1);
  const Field* nearest = nullptr;
  // Of fields at one distance ("sequences" is a key of two sections), that of the nearest full
  // name.
  std::pair least(longest, longest);
  for (const Field& field : fields()) {
    const std::size_t whole = edit_distance(name, field.name);
    const auto offer = [&](std::size_t distance, std::size_t length) {
      if (distance <= length / letters_for_one_slip && std::pair(distance, whole) < least) {
        nearest = &field;
        least = {distance, whole};
      }
    };
    offer(whole, name.size());
    offer(edit_distance(last, key_of(field)), last.size());
  }
  return nearest;
}

}  // namespace icl::config
