"""What stands behind tools/dump_attention.py: from a Hugging Face model and a text to a canonical attnspec dump."""

VERSION = "0.1.0"

# What a dump may hold of each layer, in the order in which it is written.
PARTS = ("attention", "query", "key", "value")
