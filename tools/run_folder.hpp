// Where a run's results go, and in which formats its figures can be drawn.
#pragma once

#include <string>
#include <vector>

#include "tools/options.hpp"

namespace attnspec {

/// As asked for, else <dump>-attnspec. Throws Error(usage) for several dumps without a name.
std::string folder_of(const InputOptions& input, const OutputOptions& output);

/// Formats that can be drawn here; a wish that was spoken and can not be granted is Error(unsupported).
std::vector<std::string> drawable_formats(const OutputOptions& options);

/// run.json; where another verb's run.json lies in the folder already, run-<verb>.json beside it.
std::string manifest_name_in(const std::string& folder, const std::string& verb);

}  // namespace attnspec
