// How one layer turns queries and keys into attention: scale, softcap, and which keys a query sees.
#pragma once

#include <cstddef>

namespace attnspec {

/// Which keys a query sees.
struct AttentionMask {
  enum class Kind {
    bidirectional,  ///< all
    causal,         ///< j <= i
    sliding,        ///< j <= i and i - j < window
    cross           ///< all, of another sequence
  } kind = Kind::bidirectional;
  std::size_t window = 0;  ///< for sliding

  bool operator==(const AttentionMask&) const = default;
};

/// P = softmax(mask(softcap(scale Q K^T) + bias)).
struct AttentionRule {
  double scale = 1;    ///< usually 1 / sqrt(head_dim)
  double softcap = 0;  ///< scores become softcap tanh(scores / softcap); 0: none (Gemma 2)
  AttentionMask mask;
};

}  // namespace attnspec
