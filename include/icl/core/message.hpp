#pragma once

#include <string>
#include <string_view>

/// All that the program says. On standard error stands what people read: nothing that happens to it
/// (full, closed, gone, stopped, somebody else's) ends the program, makes it wait for long or
/// throws; what cannot be said is left out. On standard output stands what was asked for: there it
/// is an error if it cannot be written. Call prepare_streams() first. From one thread at a time.
namespace icl {

/// Whether the text is UTF-8 throughout, by the standard's table of well-formed sequences.
[[nodiscard]] bool is_utf8(std::string_view text);

/// The text with each byte that is no text, or that a terminal may obey, as \xNN: those below 0x20,
/// 0x7f, U+0080 to U+009F, and what is no UTF-8. So it is one line, whatever it was made of.
[[nodiscard]] std::string printable(std::string_view text);

/// A text of more than 8 KiB without its middle: what somebody handed in may be as long as he
/// likes, and a message that quotes it is to be read.
[[nodiscard]] std::string without_middle(std::string text);

/// Opens those of descriptors 0, 1 and 2 that are closed, so that no file ever gets their number
/// (reading 0 and writing 1 and 2 then fail), and ignores the signals by which output could end or
/// stop the process: SIGPIPE, SIGXFSZ, SIGTTOU.
void prepare_streams() noexcept;

/// "icl: TEXT" as a line of its own on standard error, printable() and without_middle(). Waits for
/// a reader for a second at most, and no more until there has been one.
void say(std::string_view text) noexcept;

/// TEXT as a line on standard error, if it can be written at once.
void note(std::string_view text) noexcept;

/// The last line of a terminal on standard error drawn anew, with its escape sequences as they are,
/// if that can be done at once and the terminal is not another program's at the moment. What is
/// said next begins a new line.
void draw(std::string_view line) noexcept;
void end_drawn_line() noexcept;

/// Says it from within a signal handler.
void say_in_handler(std::string_view text) noexcept;

/// Writes the text as it is on standard output, all of it; throws Error(ExitCode::io) if it cannot
/// be. A reader who has gone wants no more, which is no error.
void print(std::string_view text);

}  // namespace icl
