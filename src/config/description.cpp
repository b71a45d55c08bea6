#include "icl/config/description.hpp"

#include <algorithm>

#include "check.hpp"
#include "document.hpp"

namespace icl::config {

Description load_description(const std::filesystem::path& file) {
  const toml::table document =
      parse_document(read_text(file, most_sweep_bytes), file.string(), most_sweep_bytes);
  require_descriptions(document, file.string());
  const auto item = document["item"];
  Description description{item["title"].value_or(std::string()),
                          item["figure"].value_or(std::string()),
                          item["question"].value_or(std::string()),
                          {},
                          0};
  if (const auto* checks = document["check"].as_array()) description.checks = checks->size();
  if (const auto* scales = document["scale"].as_table()) {
    std::vector<toml::key> keys;
    for (const auto& [key, node] : *scales) keys.push_back(key);
    std::ranges::sort(keys, {}, [](const toml::key& k) { return k.source().begin.line; });
    for (const toml::key& key : keys) description.scales.emplace_back(key.str());
  }
  return description;
}

}  // namespace icl::config
