// The contents, and the readers of them.
#include "lib/dump/attention_dump.hpp"

#include <numeric>
#include <utility>

#include "lib/dump/dump_contents.hpp"

namespace attnspec {
namespace {

std::vector<std::size_t> up_to(std::size_t count) {
  std::vector<std::size_t> all(count);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

}  // namespace

AttentionDump::AttentionDump(const std::string& file, const LayoutOptions& options)
    : contents_(std::make_shared<const DumpContents>(file, options)) {}

AttentionDump::~AttentionDump() = default;
AttentionDump::AttentionDump(AttentionDump&&) noexcept = default;
AttentionDump& AttentionDump::operator=(AttentionDump&&) noexcept = default;

const DumpInfo& AttentionDump::info() const { return contents_->layout.info; }

Selection AttentionDump::everything() const {
  return {up_to(info().samples), up_to(info().layers), up_to(info().heads)};
}

BatchSource AttentionDump::batches(Selection selection, const Cut& cut) const {
  return BatchSource(contents_, std::move(selection), cut);
}

HeadReader AttentionDump::read_heads() const { return HeadReader(contents_); }

}  // namespace attnspec
