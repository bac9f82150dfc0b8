// The manifest as JSON.
#include "analysis/writers/manifest.hpp"

#include <nlohmann/json.hpp>

namespace attnspec {
namespace {

using Json = nlohmann::ordered_json;

Json input_json(const ManifestInput& input) {
  Json json = {{"path", input.path},   {"bytes", input.bytes},     {"modified", input.modified},
               {"model", input.model}, {"layout", input.layout},   {"matrices", input.matrices},
               {"done", input.done},   {"skipped", input.skipped}, {"warnings", input.warnings}};
  if (!input.methods.empty()) json["methods"] = input.methods;
  return json;
}

}  // namespace

std::string manifest_json(const Manifest& manifest) {
  Json json;
  json["attnspec"] = {{"version", manifest.version}, {"git", manifest.git_hash}};
  json["verb"] = manifest.verb;
  json["command_line"] = manifest.command_line;
  json["options"] = manifest.options;
  json["inputs"] = Json::array();
  for (const ManifestInput& input : manifest.inputs) json["inputs"].push_back(input_json(input));
  json["device"] = manifest.device;
  if (!manifest.card.empty()) json["card"] = manifest.card;
  json["method"] = manifest.method;
  json["method_choice"] = manifest.method_choice;
  json["blas"] = {
      {"library", manifest.blas}, {"kernel", manifest.blas_kernel}, {"kernel_choice", manifest.blas_kernel_choice}};
  json["threads"] = manifest.threads;
  json["wall_seconds"] = manifest.wall_seconds;
  json["cpu_seconds"] = manifest.cpu_seconds;
  if (manifest.seconds_computing > 0) {
    json["seconds_computing"] = manifest.seconds_computing;
    json["share_of_threads_computing"] =
        manifest.seconds_computing / (static_cast<double>(manifest.threads) * manifest.wall_seconds);
  }
  json["seconds_waiting_for_input"] = manifest.seconds_waiting;
  json["peak_memory_bytes"] = manifest.peak_memory_bytes;
  json["outputs"] = Json::array();
  for (const ManifestOutput& output : manifest.outputs)
    json["outputs"].push_back({{"name", output.name}, {"bytes", output.bytes}, {"sha256", output.sha256}});
  // File names need not be UTF-8; replace what is not, rather than fail at the end of a long run.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace attnspec
