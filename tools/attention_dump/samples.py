"""From a text to token samples: packed to full length one after the other, or one a line."""

from attention_dump.errors import INPUT_REFUSED, USAGE, DumpError

DEFAULT_SAMPLES = 8
# A first guess only; English has about 4.5 characters a token.
CHARACTERS_PER_TOKEN = 8


class TokenizerEncoder:
    """A Hugging Face tokenizer, with the special tokens that it puts around one sequence taken apart."""

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer
        content = self.encode("a")
        whole = list(tokenizer("a").input_ids)
        start = next((i for i in range(len(whole)) if whole[i:i + len(content)] == content), 0)
        self.prefix, self.suffix = whole[:start], whole[start + len(content):]

    def encode(self, text):
        return list(self._tokenizer(text, add_special_tokens=False).input_ids)


class ByteEncoder:
    """UTF-8 bytes as token ids, for random weights without a tokenizer: any ids do where weights mean nothing."""

    prefix, suffix = [], []

    def __init__(self, vocabulary):
        self._vocabulary = vocabulary

    def encode(self, text):
        return [byte % self._vocabulary for byte in text.encode("utf-8")]


def decode_text(path, data):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DumpError(INPUT_REFUSED, f"{path}: byte {error.start} is not UTF-8; convert the text first, for example: "
                                       f"iconv -f latin1 -t utf-8 {path}") from None


def packed_samples(encoder, text, path, length, wanted):
    """The token stream cut one sample after the other, each exactly `length` tokens with its special tokens.

    `wanted` None means as many as the text gives, at most DEFAULT_SAMPLES.
    """
    content = content_length(encoder, length)
    count = wanted or DEFAULT_SAMPLES
    stream = _token_prefix(encoder, text, count * content)
    found = len(stream) // content
    if found == 0 or (wanted and found < wanted):
        raise DumpError(INPUT_REFUSED,
                        f"{path}: {len(stream)} tokens give {found} samples of {length} tokens, expected {count}; "
                        "take a longer text, fewer --samples, a smaller --length, or --per-line")
    return [encoder.prefix + stream[i * content:(i + 1) * content] + encoder.suffix for i in range(min(found, count))]


def line_samples(encoder, text, path, length, wanted):
    """One sample for each line that is not blank, cut at `length` tokens."""
    content = content_length(encoder, length)
    lines = [line for line in text.splitlines() if line.strip()]
    count = wanted or DEFAULT_SAMPLES
    if not lines or (wanted and len(lines) < wanted):
        raise DumpError(INPUT_REFUSED, f"{path}: {len(lines)} lines with text, expected {count}; "
                                       "take a longer text or fewer --samples")
    return [encoder.prefix + encoder.encode(line)[:content] + encoder.suffix for line in lines[:count]]


def content_length(encoder, length):
    specials = len(encoder.prefix) + len(encoder.suffix)
    if length <= specials:
        raise DumpError(USAGE, f"--length {length} leaves no room for text beside {specials} special tokens; "
                               f"give at least {specials + 1}")
    return length - specials


def _token_prefix(encoder, text, needed):
    """The first tokens of the text, at least `needed` of them where it has so many; a long text is not read whole."""
    characters = max(1000, needed * CHARACTERS_PER_TOKEN)
    while characters < len(text):
        cut = text.rfind(" ", 0, characters)
        stream = encoder.encode(text[:cut if cut > 0 else characters])
        # One token to spare: the last one may change where the cut was elsewhere.
        if len(stream) > needed:
            return stream[:needed]
        characters *= 2
    return encoder.encode(text)
