// Any text is a configuration or an Error that says why not; a configuration is the same after it
// was written and read again. The first byte chooses between a file and --set overrides.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/property.hpp"
#include "icl/config/toml.hpp"

namespace {

using namespace icl;

void require_round_trip(const config::Config& config) {
  const std::string text = config::to_toml(config);
  try {
    fuzz::require(config::parse(text, "again") == config, "the same when read again", text);
  } catch (const Error& error) {
    fuzz::violated("what was written is read", text + error.what());
  }
}

/// The parts between bytes of 1, at most 8, without those that no argument can be.
std::vector<std::string> overrides_of(std::string_view text) {
  std::vector<std::string> all;
  while (!text.empty() && all.size() < 8) {
    const std::string_view part = text.substr(0, text.find('\x01'));
    if (part.find('\0') == std::string_view::npos) all.emplace_back(part);
    text.remove_prefix(std::min(part.size() + 1, text.size()));
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  fuzz::expect_blame_of_the_input([&] {
    require_round_trip(data[0] % 2 == 0
                           ? config::with_overrides(config::Config{}, overrides_of(text))
                           : config::parse(text, "f.toml"));
  });
  return 0;
}
