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

namespace {

/// Whether it is one of the paper's, as "2b, 2c" or "A5"; others are "Reddy 2024" or nothing.
bool is_of_the_paper(std::string_view figure) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (figure.starts_with('A')) figure.remove_prefix(1);
  return !figure.empty() && is_digit(figure.front());
}

/// Those that the file names. The own settings of a figure of the paper are the scale "paper",
/// unless it names that one too.
std::vector<std::string> scales_of(const config::Description& about) {
  std::vector<std::string> scales = about.scales;
  const bool named = std::ranges::find(scales, "paper") != scales.end();
  if (!named && is_of_the_paper(about.figure)) scales.emplace_back("paper");
  return scales;
}

}  // namespace

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

std::vector<Item> with_scale(const std::string& scale, std::vector<Item> items) {
  std::vector<std::string> scales;
  for (const Item& item : items) {
    for (const std::string& other : scales_of(item.description)) {
      if (std::ranges::find(scales, other) == scales.end()) scales.push_back(other);
    }
  }
  if (std::ranges::find(scales, scale) == scales.end()) {
    const std::string_view nearest = config::nearest_word(scale, scales);
    throw Error(
        ExitCode::usage,
        fmt::format("--scale {}: {} has no [scale.{}]; {}", scale,
                    items.size() == 1 ? items.front().file().string() : "no item", scale,
                    nearest.empty() ? fmt::format("its scales are {}", fmt::join(scales, ", "))
                                    : fmt::format("did you mean {}?", nearest)));
  }
  std::erase_if(items, [&](const Item& item) {
    const std::vector<std::string> own = scales_of(item.description);
    return std::ranges::find(own, scale) == own.end();
  });
  return items;
}

ExitCode list_items(const std::vector<Item>& items) {
  std::string text;
  for (const Item& item : items) {
    const config::Description& about = item.description;
    text += fmt::format(
        "{:<20} {}{}\n", item.name, about.title,
        about.figure.empty()
            ? ""
            : fmt::format(" ({}{})", is_of_the_paper(about.figure) ? "figure " : "after ",
                          about.figure));
    text +=
        fmt::format("{:<20} {} check{}; scales:", "", about.checks, about.checks == 1 ? "" : "s");
    for (const std::string& scale : scales_of(about)) text += " " + scale;
    text += "\n";
  }
  print(text);
  return ExitCode::done;
}

}  // namespace icl::cli
