// Names and formats.
#include "tools/run_folder.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "lib/core/error.hpp"
#include "tools/gnuplot.hpp"
#include "tools/terminal.hpp"

namespace attnspec {

std::string folder_of(const InputOptions& input, const OutputOptions& output) {
  if (!output.folder.empty()) return output.folder;
  if (input.dumps.size() > 1)
    throw Error(ErrorKind::usage, "several dumps and no folder for their results; name one with -o DIR");
  std::string name = input.dumps.front();
  if (name.ends_with(".h5"))
    name.resize(name.size() - 3);
  else if (name.ends_with(".hdf5"))
    name.resize(name.size() - 5);
  return name + "-attnspec";
}

std::vector<std::string> drawable_formats(const OutputOptions& options) {
  std::vector<std::string> formats = parse_figures(options.figures);
  if (formats.empty() || gnuplot_is_here()) return formats;
  const std::string remedy = "gnuplot is not installed (apt-get install gnuplot-nox)";
  if (options.figures_given)
    throw Error(ErrorKind::unsupported,
                "--figures " + options.figures + ": " + remedy + "; --figures none leaves the figures out");
  say(remedy + ": the figures' scripts and data are written and not drawn");
  return {};
}

std::string manifest_name_in(const std::string& folder, const std::string& verb) {
  std::ifstream in(folder + "/run.json");
  if (!in) return "run.json";
  const auto manifest = nlohmann::json::parse(in, nullptr, false);
  const bool other = manifest.is_object() && manifest.contains("verb") && manifest["verb"] != verb;
  return other ? "run-" + verb + ".json" : "run.json";
}

}  // namespace attnspec
