#include "icl/config/help.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "icl/config/conflict.hpp"
#include "icl/config/field_values.hpp"
#include "trim.hpp"

namespace icl::config {
namespace {

constexpr std::size_t columns = 100;
constexpr std::size_t doc_indent = 6;

struct SectionDoc {
  std::string_view section;
  std::string_view doc;
};
constexpr std::array section_docs{
    SectionDoc{"model", "the network that is trained"},
    SectionDoc{"blocks", "the layers of the system blocks"},
    SectionDoc{"init", "what its parameters begin with"},
    SectionDoc{"data", "the items, and the sequences that are made of them"},
    SectionDoc{"train", "how long, and by which steps"},
    SectionDoc{"eval", "when accuracy and loss are measured"},
    SectionDoc{"probe", "what is read off the network at an evaluation"},
    SectionDoc{"intervene", "what is done to the network while it trains"},
    SectionDoc{"stop", "when a run ends before its last epoch"},
    SectionDoc{"record", "what is kept in the run file, and how often it is written"},
    SectionDoc{"seed", "seeds of single streams, in place of what train.seed gives"},
    SectionDoc{"compat", "behaviour of the published code where that of this program differs"},
};

std::string_view doc_of_section(std::string_view section) {
  const auto* const row = std::ranges::find(section_docs, section, &SectionDoc::section);
  return row == section_docs.end() ? std::string_view() : row->doc;
}

std::string default_text(const Field& field) { return to_text(get(field, Config{})); }

std::string range_and_unit(const Field& field) {
  return field.unit.empty() ? range_text(field)
                            : fmt::format("{} ({})", range_text(field), field.unit);
}

std::string sentence(const Field& field) {
  return field.when_absent.empty()
             ? fmt::format("{}.", field.doc)
             : fmt::format("{}. If not set: {}.", field.doc, field.when_absent);
}

/// The text behind a head, in lines of at most `columns`, each ended by a newline; those after the
/// first begin with `next`.
std::string wrapped(const std::string& head, std::string_view text, const std::string& next) {
  std::string lines;
  std::string line = head;
  std::string empty_line = head;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find(' '), text.size());
    if (line.size() + 1 + length > columns && line != empty_line) {
      lines += line + '\n';
      empty_line = next;
      line = empty_line;
    }
    line += fmt::format(" {}", text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return lines + line + '\n';
}

/// Whether a field's name or its doc holds a word, whatever the case of its letters.
bool holds(const Field& field, std::string_view word) {
  const std::string wanted = lower(word);
  return lower(field.name).find(wanted) != std::string::npos ||
         lower(sentence(field)).find(wanted) != std::string::npos;
}

}  // namespace

std::string key_help(std::string_view word) {
  std::size_t name_width = std::string_view("key").size();
  std::size_t default_width = std::string_view("default").size();
  for (const Field& field : fields()) {
    name_width = std::max(name_width, field.name.size());
    default_width = std::max(default_width, default_text(field).size());
  }
  const auto names = sections();
  const bool is_section = std::ranges::find(names, word) != names.end();
  std::string text;
  std::string_view section;
  for (const Field& field : fields()) {
    if (is_section ? section_of(field) != word : !holds(field, word)) continue;
    if (section_of(field) != section) {
      section = section_of(field);
      text += fmt::format("\n[{}] {}\n", section, doc_of_section(section));
    }
    const std::string head = fmt::format("  {:<{}}  {:<{}} ", field.name, name_width,
                                         default_text(field), default_width);
    text += wrapped(head, range_and_unit(field), std::string(head.size(), ' '));
    const std::string indent(doc_indent - 1, ' ');
    text += wrapped(indent, sentence(field), indent);
  }
  if (text.empty()) return text;
  return fmt::format("  {:<{}}  {:<{}}  {}\n", "key", name_width, "default", default_width,
                     "range (unit)") +
         text;
}

std::string commented_toml(const Config& config) {
  std::string text;
  std::string_view section;
  for (const Field& field : fields()) {
    if (!has_meaning(field, config.model.system)) continue;
    if (section_of(field) != section) {
      section = section_of(field);
      text +=
          fmt::format("{}[{}]  # {}\n", text.empty() ? "" : "\n", section, doc_of_section(section));
    }
    text += wrapped("#", fmt::format("{} {}", sentence(field), range_and_unit(field)), "#");
    const Value value = get(field, config);
    const bool absent = std::holds_alternative<std::monostate>(value);
    text += absent ? fmt::format("#{} =\n", key_of(field))
                   : fmt::format("{} = {}\n", key_of(field), to_text(value));
  }
  return text;
}

}  // namespace icl::config
