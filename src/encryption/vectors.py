"""Prints vectors.json, computed without the vault's code: see README.md, "Known-answer vectors".

Needs Python 3.9 or later and the package `cryptography`. Neither is needed to build, test or run the vault.
"""

import hashlib
import hmac
import json
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LABEL = b"stitch-token-vault/v1/message-key"

CONTEXT = ["stitch_grants", "access_token", "stitch-money", "user-1", "default"]
VERIFIER = ["stitch_authorization_requests", "code_verifier", "8f14e45f-ceea-467f-9f0b-6f8f9d1c2b3a"]

CASES = [
    ("ascii token", "k20250131-9f03ac", CONTEXT, "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyLTEifQ.c2ln"),
    ("empty text", "k1", CONTEXT, ""),
    ("one byte, shortest key id", "a", VERIFIER, "x"),
    ("unicode text", "k1", CONTEXT, "naïve café \u4f60\u597d \U0001f9f5 abc\u0000end"),
    ("unicode and empty context parts", "k1", ["stitch_grants", "", "zo\u00eb\U0001f9f5"], "token"),
    ("longest key id", "Z._-" + "9" * 60, ["one part"], "token"),
    ("4096 bytes", "k20250131-9f03ac", CONTEXT, ("0123456789abcdef" * 256)),
    ("context split as ab, c", "k1", ["ab", "c"], "token"),
    ("context split as a, bc", "k1", ["a", "bc"], "token"),
]


def pseudorandom(purpose, name, size):
    """Fixed bytes anyone can recompute: no vector was picked."""
    return hashlib.sha256(f"stitch-token-vault known answer / {purpose} / {name}".encode()).digest()[:size]


def vector(name, key_id, context, text):
    key = pseudorandom("key", key_id, 32)
    # The two context splits share salt and iv on purpose: nothing but the context tells them apart.
    salt = pseudorandom("salt", name.split(" as ")[0], 16)
    iv = pseudorandom("iv", name.split(" as ")[0], 12)
    header = bytes([1, len(key_id)]) + key_id.encode("ascii") + salt
    parts = [part.encode("utf-8") for part in context]
    aad = header + b"".join(struct.pack(">I", len(part)) + part for part in parts)
    message_key = hmac.new(key, LABEL + salt + b"\x01", hashlib.sha256).digest()
    envelope = header + iv + AESGCM(message_key).encrypt(iv, text.encode("utf-8"), aad)
    return {
        "name": name,
        "key_id": key_id,
        "context": context,
        "plaintext": text,
        "salt": salt.hex(),
        "iv": iv.hex(),
        "message_key": message_key.hex(),
        "associated_data": aad.hex(),
        "envelope": envelope.hex(),
    }


key_ids = sorted({key_id for _, key_id, _, _ in CASES})
print(
    json.dumps(
        {
            "keys": {key_id: pseudorandom("key", key_id, 32).hex() for key_id in key_ids},
            "vectors": [vector(*case) for case in CASES],
        },
        indent=2,
    )
)
