// Manual pages, from the description of the command line and of the settings.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <span>

#include "icl/config/help.hpp"
#include "icl/core/build_info.hpp"
#include "icl/core/message.hpp"
#include "icl/store/file.hpp"
#include "options.hpp"

namespace icl::cli {
namespace {

struct ManualCommand {
  const Command* program = nullptr;
  std::vector<std::string> words;
  std::optional<std::filesystem::path> out;  ///< a folder, for the pages of all commands
};

/// Text that roff prints as it stands, on lines of which none begins as a request.
std::string roff(const std::string& text) {
  std::string safe;
  bool at_start = true;
  for (const char c : text) {
    if (at_start && (c == '.' || c == '\'')) safe += "\\&";
    at_start = c == '\n';
    switch (c) {
      case '\\':
        safe += "\\e";
        break;
      case '-':
        safe += "\\-";
        break;
      case '\'':
        safe += "\\(aq";
        break;
      case '`':
        safe += "\\(ga";
        break;
      case '^':
        safe += "\\(ha";
        break;
      case '~':
        safe += "\\(ti";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

/// "icl\-theory\-predict": what its page is called.
std::string page_of(const Command& command) { return "icl" + command.path_after("-"); }

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

std::string value_of_option(const Option& option) {
  if (is_switch(option.to)) return "";
  return option.value.empty() ? "VALUE" : option.value;
}

std::string synopsis(const Command& command) {
  std::string text = fmt::format("icl{}", command.path_after(" "));
  if (!command.commands().empty()) return text + " COMMAND";
  for (const Option& option : command.options()) {
    if (option.required && option.names.starts_with('-')) {
      text += fmt::format(" {} {}", long_name(option), value_of_option(option));
    }
  }
  text += " [OPTIONS]";
  for (const Option& option : command.options()) {
    if (option.names.starts_with('-')) continue;
    text += option.required ? fmt::format(" {}", option.names) : fmt::format(" [{}]", option.names);
  }
  return text;
}

/// Options as `-o, --out RUN.h5`, arguments by their names.
std::string entries_of(const Command& command, bool options) {
  std::string text;
  for (const Option& option : command.options()) {
    if (option.names.starts_with('-') != options) continue;
    std::string names = option.names;
    if (const std::size_t comma = names.find(','); comma != std::string::npos) {
      names.insert(comma + 1, " ");
    }
    const std::string value = options ? value_of_option(option) : "";
    text +=
        fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", roff(names),
                    value.empty() ? "" : fmt::format(" \\fI{}\\fR", roff(value)), roff(option.doc));
  }
  return text;
}

/// Text whose lines and columns are to stay.
std::string as_it_stands(const std::string& text) {
  return fmt::format(".nf\n{}{}.fi\n", roff(text), text.ends_with('\n') ? "" : "\n");
}

std::string page(const Command& program, const Command& command) {
  const bool whole = &command == &program;
  std::string text = fmt::format(".TH {} 1 \"\" \"icl {}\" \"icl\"\n.SH NAME\n{} \\- {}\n",
                                 upper(page_of(command)), build_info().version,
                                 roff(page_of(command)), roff(command.doc()));
  text += fmt::format(".SH SYNOPSIS\n.nh\n{}\n.hy\n", roff(synopsis(command)));
  if (!command.commands().empty()) {
    text += ".SH COMMANDS\n";
    for (const auto& part : command.commands()) {
      text += fmt::format(".TP\n\\fB{}\\fR\n{}: see \\fB{}\\fR(1)\n", roff(part->name()),
                          roff(part->doc()), roff(page_of(*part)));
    }
  }
  const std::string arguments = entries_of(command, false);
  if (!arguments.empty()) text += ".SH ARGUMENTS\n" + arguments;
  text += ".SH OPTIONS\n" + entries_of(command, true) +
          ".TP\n\\fB\\-h, \\-\\-help\\fR\nHelp on the terminal\n";
  if (whole) text += ".TP\n\\fB\\-V, \\-\\-version\\fR\nVersion, compiler and BLAS\n";
  if (!command.examples().empty()) text += ".SH EXAMPLES\n";
  for (const Example& example : command.examples()) {
    text += fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(example.line), roff(example.doc));
  }
  if (!command.footer().empty()) text += ".SH NOTES\n" + as_it_stands(command.footer());
  if (whole) text += ".SH SETTINGS\n" + as_it_stands(config::key_help());
  if (!whole) text += ".SH SEE ALSO\n\\fBicl\\fR(1), for all commands and every exit status\n";
  return text;
}

void write_pages(const Command& program, const Command& command,
                 const std::filesystem::path& folder) {
  const std::string text = page(program, command);
  store::publish_file(folder / (page_of(command) + ".1"), std::as_bytes(std::span(text)));
  for (const auto& part : command.commands()) write_pages(program, *part, folder);
}

ExitCode run(const ManualCommand& command) {
  if (command.out) {
    store::check_creatable(*command.out / (page_of(*command.program) + ".1"));
    write_pages(*command.program, *command.program, *command.out);
    return ExitCode::done;
  }
  print(page(*command.program, command_called(*command.program, command.words)));
  return ExitCode::done;
}

}  // namespace

void commands::manual(Command& program) {
  Command& manual = program.add_command("manual", "Print the manual page of a command, for man");
  auto& to = manual.set_action<ManualCommand>(run);
  to.program = &program;
  manual.add_example("icl manual train > icl-train.1", "To be read by man ./icl-train.1");
  manual.add_example("icl manual", "That of the program, with every setting");
  manual.add({.names = "COMMAND",
              .to = &to.words,
              .doc = "A command (default: the program)",
              .list = List::blanks});
  manual.add({.names = "-o,--out",
              .to = &to.out,
              .doc = "Write the pages of all commands into this folder, which exists",
              .value = "DIR",
              .excludes = {"COMMAND"}});
  manual.set_footer("cmake --install brings all pages to where man looks for them.");
}

}  // namespace icl::cli
