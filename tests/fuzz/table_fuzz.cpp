// Whatever a child sends of a table, even one that libhdf5 has led astray, gives values or an Error
// that blames the file: this is our own decoding without libhdf5. The input is a head of bytes that
// fill its fields, then messages, each behind two bytes with its length.
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "fuzz/property.hpp"
#include "icl/store/stored_table.hpp"

namespace {

using namespace icl;

class Input {
 public:
  explicit Input(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto value = std::to_integer<std::uint8_t>(bytes_[0]);
    bytes_ = bytes_.subspan(1);
    return value;
  }
  std::optional<std::vector<std::byte>> message() {
    if (bytes_.empty()) return std::nullopt;
    const std::size_t length = byte() + 256U * byte();
    const auto part = bytes_.first(std::min(length, bytes_.size()));
    bytes_ = bytes_.subspan(part.size());
    return std::vector<std::byte>(part.begin(), part.end());
  }

 private:
  std::span<const std::byte> bytes_;
};

/// Mostly small numbers, sometimes enormous ones.
std::uint64_t length(Input& input) {
  const std::uint8_t value = input.byte();
  return value < 250 ? value : std::uint64_t{value} << (8U * (input.byte() % 8U));
}

store::TableHead head(Input& input) {
  store::TableHead head;
  head.found = input.byte() % 8;
  head.rank = input.byte() % 5;
  for (std::size_t i = 0; i < head.rank; ++i) {
    head.shape.at(i) = length(input);
    head.block.at(i) = length(input);
  }
  head.whole_blocks = input.byte() % 2;
  head.plain_edges = input.byte() % 2;
  head.format = {static_cast<store::NumberFormat::Kind>(input.byte() % 5), input.byte(),
                 input.byte() % 2 != 0};
  head.element_bytes = input.byte() % 4 != 0 ? head.format.bytes : length(input);
  head.stored_bytes = length(input) * 16;
  head.filters = input.byte() % 10;
  for (auto& filter : head.filter) {
    filter = {static_cast<store::FilterKind>(1 + input.byte() % 3), input.byte()};
  }
  return head;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(std::as_bytes(std::span(data, size)));
  const bool whole = input.byte() % 2 == 0;
  const bool labels = input.byte() % 2 == 0;
  const store::TableHead first = head(input);
  bool sent = false;
  const auto next = [&]() -> std::optional<std::vector<std::byte>> {
    if (sent) return input.message();
    sent = true;
    const auto bytes = std::as_bytes(std::span(&first, 1));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  fuzz::expect_blame_of_the_input([&] {
    store::StoredTable table(next, "f.h5", "/x");
    if (!table.found()) return;
    constexpr std::uint64_t most = std::uint64_t{1} << 24U;
    if (labels) {
      (void)table.take<std::int64_t>(most, whole ? most : size);
    } else {
      (void)table.take<float>(most, whole ? most : size);
    }
  });
  return 0;
}
