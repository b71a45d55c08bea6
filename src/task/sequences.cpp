#include "icl/task/sequences.hpp"

#include <algorithm>
#include <array>

namespace icl::task {
namespace {

/// Words 0, 1, 2, ... of a stream one after the other, drawn in groups.
class WordReader {
 public:
  explicit WordReader(const Stream& stream) : stream_(stream) {}

  std::uint32_t below(std::uint32_t bound) {
    const std::size_t place = position_ % group_.size();
    if (place == 0) stream_.words(position_, group_);
    return stream_.below(bound, position_++, group_[place]);
  }

 private:
  const Stream& stream_;
  std::array<std::uint32_t, Stream::group> group_{};
  std::uint32_t position_ = 0;
};

}  // namespace

void draw_bursty(const Stream& stream, std::uint32_t item_count, std::span<std::int32_t> items) {
  WordReader words(stream);
  for (std::int32_t& item : items) item = static_cast<std::int32_t>(words.below(item_count));
  const auto context = items.first(items.size() - 1);
  const std::uint32_t copy = words.below(static_cast<std::uint32_t>(context.size()));
  if (std::ranges::find(context, items.back()) == context.end()) items.back() = context[copy];
}

void draw_distinct(const Stream& stream, std::uint32_t item_count, std::span<std::int32_t> items) {
  WordReader words(stream);
  for (std::size_t drawn = 0; drawn < items.size();) {
    const auto candidate = static_cast<std::int32_t>(words.below(item_count));
    const auto before = items.first(drawn);
    if (std::ranges::find(before, candidate) == before.end()) items[drawn++] = candidate;
  }
}

std::int32_t draw_fresh(const Stream& stream, std::span<std::int8_t> labels) {
  WordReader words(stream);
  for (std::int8_t& label : labels) label = words.below(2) == 1 ? 1 : -1;
  return static_cast<std::int32_t>(words.below(static_cast<std::uint32_t>(labels.size())));
}

}  // namespace icl::task
