// Uploads, and nothing of them left under way where one fails.
#include "lib/backend/gpu_head_block.hpp"

namespace attnspec {

HeadKind::HeadKind(const Head& head)
    : queries(head.attention.rows()), tokens(head.columns.rows()), width(head.columns.cols()) {
  for (const ColumnRange& group : head.groups) group_ends.push_back(group.last);
  logits = head.logits.has_value();
  if (!logits) return;
  rank = head.logits->query.cols();
  key_cols = head.logits->key.cols();
}

void wait_quietly(GpuDevice& device, unsigned stream) noexcept {
  try {
    device.wait(stream);
  } catch (const GpuFailure&) {
  }
}

HeadBlock::HeadBlock(GpuDevice& device, const HeadKind& of_heads, std::span<const Head* const> heads,
                     std::size_t heads_a_call)
    : kind(of_heads),
      count(heads.size()),
      a_call(heads_a_call),
      attention(device, held() * kind.queries * kind.tokens),
      columns(device, held() * kind.tokens * kind.width),
      targets(device, count * kind.cells()),
      query(device, held() * kind.queries * kind.rank),
      key(device, held() * kind.tokens * kind.key_cols),
      log_sums(device, kind.logits ? count * kind.queries : 0),
      group_ends(device, kind.groups()) {
  if (!group_ends) throw NoRoom("the GPU has no memory left; take --device cpu");
  try {
    send_all(device, heads);
    device.wait(0);  // the other stream reads them too
  } catch (const GpuFailure&) {
    wait_quietly(device, 0);
    throw;
  }
}

std::size_t HeadBlock::bytes(const HeadKind& kind, std::size_t held) {
  constexpr std::size_t arrays = 7;  // that may be empty and take a number all the same
  const std::size_t a_head =
      kind.queries * (kind.tokens + kind.width + kind.rank + 1) + kind.tokens * (kind.width + kind.key_cols);
  return (held * a_head + kind.groups() + arrays) * sizeof(double);
}

void HeadBlock::send_all(GpuDevice& device, std::span<const Head* const> heads) {
  device.upload(0, group_ends.get(), kind.group_ends.data(), kind.groups() * sizeof(std::size_t));
  for (std::size_t h = 0; h < count; ++h) {
    const Head& head = *heads[h];
    const auto send = [&](const Numbers& to, const std::vector<double>& values) {
      if (!values.empty())
        device.upload(0, to.get() + h * values.size(), values.data(), values.size() * sizeof(double));
    };
    send(attention, head.attention.values);
    send(columns, head.columns.values);
    send(targets, head.target.values);
    if (!kind.logits) continue;
    send(query, head.logits->query.values);
    send(key, head.logits->key.values);
    send(log_sums, head.logits->log_sum);
  }
}

}  // namespace attnspec
