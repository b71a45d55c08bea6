// Any text is a sweep or an Error that says why not; a sweep is the same after it was written and
// read again. The first byte chooses a scale.
#include <optional>
#include <string>
#include <string_view>

#include "fuzz/property.hpp"
#include "icl/config/sweep.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace icl;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::optional<std::string_view> scale;
  if (data[0] % 3 == 1) scale = "desk";
  if (data[0] % 3 == 2) scale = "smoke";
  fuzz::expect_blame_of_the_input([&] {
    const config::Sweep sweep = config::parse_sweep(text, "s.toml", {scale, {}, {}, {}});
    const std::string written = config::to_toml(sweep);
    constexpr std::size_t longest_file = 900'000;  // what Folder::claim() refuses is longer
    if (written.size() > longest_file) return;
    try {
      fuzz::require(config::parse_sweep(written, "again") == sweep, "the same when read again",
                    written);
    } catch (const Error& error) {
      fuzz::violated("what was written is read", written + error.what());
    }
  });
  return 0;
}
