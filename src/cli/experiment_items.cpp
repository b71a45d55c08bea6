#include "experiment_items.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <system_error>

#include "icl/cli/status_line.hpp"
#include "icl/config/nearest.hpp"
#include "icl/core/message.hpp"

namespace icl::cli {

namespace fs = std::filesystem;

std::vector<Item> items_of(const fs::path& experiments) {
  std::error_code error;
  std::vector<Item> items;
  for (const fs::directory_entry& entry : fs::directory_iterator(experiments, error)) {
    if (!fs::exists(entry.path() / "experiment.toml")) continue;
    items.push_back({entry.path().filename().string(), entry.path(), {}});
  }
  if (error || items.empty()) {
    throw Error(ExitCode::bad_input,
                fmt::format("'{}' holds no item: {}", experiments.string(),
                            error ? error.message() : "no folder in it has an experiment.toml"));
  }
  std::ranges::sort(items, {}, &Item::name);
  return items;
}

std::vector<Item> described(std::vector<Item> items) {
  for (Item& item : items) item.description = config::load_description(item.file());
  std::ranges::stable_sort(items, {},
                           [](const Item& item) { return item.description.figure.empty(); });
  return items;
}

std::vector<Item> chosen(const std::string& name, std::vector<Item> items) {
  if (name == "all") return described(std::move(items));
  const auto found = std::ranges::find(items, name, &Item::name);
  if (found != items.end()) return described({*found});
  std::vector<std::string> names;
  std::vector<std::string> longer;  // than what was asked for: fig6 for fig6a
  for (const Item& item : items) {
    names.push_back(item.name);
    if (item.name.starts_with(name)) longer.push_back(item.name);
  }
  std::string meant(config::nearest_word(name, names));
  if (!longer.empty()) meant = fmt::format("{}", fmt::join(longer, ", "));
  throw Error(ExitCode::usage,
              fmt::format("no item \"{}\"{}; icl reproduce --list shows them", name,
                          meant.empty() ? "" : fmt::format("; did you mean {}?", meant)));
}

ExitCode list_items(const std::vector<Item>& items) {
  std::string text;
  for (const Item& item : items) {
    const config::Description& about = item.description;
    text += fmt::format("{:<20} {}{}\n", item.name, about.title,
                        about.figure.empty() ? "" : fmt::format(" (figure {})", about.figure));
    text +=
        fmt::format("{:<20} {} check{}; scales:", "", about.checks, about.checks == 1 ? "" : "s");
    for (const std::string& scale : about.scales) text += " " + scale;
    // The file's own settings are the paper's, unless it names that scale.
    const bool named = std::ranges::find(about.scales, "paper") != about.scales.end();
    text += named ? "\n" : " paper\n";
  }
  print(text);
  return ExitCode::done;
}

}  // namespace icl::cli
