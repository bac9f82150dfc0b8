// Words for a gnuplot script: quoted so that no name can leave its string, shortened so that none leaves its panel.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace attnspec {

/// One line of valid UTF-8: control characters, line ends, direction marks and broken bytes become U+FFFD.
std::string printable_line(std::string_view text);

/// A gnuplot string constant of one line, in the single quotes inside which gnuplot expands nothing. A single quote in
/// the text becomes U+2019: gnuplot 5.4 misreads a doubled one where the string begins.
/// Letters beyond Latin, Greek and Cyrillic become U+FFFD: where no font has a letter, gnuplot's cairo terminals draw
/// its code over the whole picture.
std::string quoted(std::string_view text);

/// Width in em (multiples of the font size) of valid UTF-8, never too small for DejaVu Sans, the widest of our fonts.
double text_width(std::string_view text);

/// The line as quoted() shows it, with its middle replaced by an ellipsis where it is wider than `width` em.
std::string shortened(std::string_view text, double width);

/// "1 head", "12 heads", "98–100 samples".
std::string counted(std::size_t least, std::size_t most, std::string_view noun);

}  // namespace attnspec
