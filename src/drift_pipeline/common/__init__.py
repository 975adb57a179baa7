"""Small tools that know nothing of training: source digests, checksums, locks, plain values."""
