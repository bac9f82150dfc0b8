// Which logits stand for a head: Q and K where they make its P, else log P where it is finite, else none.
#pragma once

#include <optional>
#include <string>

#include "lib/core/export.hpp"
#include "lib/core/head.hpp"
#include "lib/dump/head_reader.hpp"

namespace attnspec {

struct HeadLogits {
  std::optional<Logits> logits;
  std::string source;  ///< "qk": scale Q K^T; "log_p": log P, which softmax takes to P, though not the model's own
  std::string reason;  ///< why there are none, in a sentence
};

/// Theorem 2 multiplies A by a projection, so every logit must be finite: a mask leaves none.
/// Where P is stored beside Q and K, the two must agree within what storage explains.
ATTNSPEC_API HeadLogits logits_of(const DumpInfo& info, const HeadInputs& inputs);

}  // namespace attnspec
