"""International bank account numbers."""

from __future__ import annotations

import re

LENGTHS: dict[bytes, int] = {
    pair[:2]: int(pair[2:])
    for pair in (
        b"AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
        b"ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 "
        b"LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 "
        b"QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
    ).split()
}
"""How long an account's number is in each country (ISO 13616 registry)."""

_DIVIDED = re.compile(rb"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}")


def iban_at(data: bytes, start: int) -> int | None:
    """Where the account number that begins at `start` ends, or None where none does."""
    length = LENGTHS.get(data[start : start + 2])
    match = _DIVIDED.match(data, start)
    if length is None or match is None or data[start - 1 : start].isalnum():
        return None
    plain, end = bytearray(), start
    for end in range(start, match.end()):
        if data[end] != 0x20:
            plain.append(data[end])
        if len(plain) == length:
            break
    if len(plain) < length or data[end + 1 : end + 2].isalnum() or not re.search(rb"\d{7}", plain):
        return None
    return end + 1 if checks(bytes(plain)) else None


def checks(plain: bytes) -> bool:
    """The check digits of an account number: turned into digits, from the fifth sign on, it is 1 modulo 97 (ISO 7064)."""
    return int("".join(str(int(chr(sign), 36)) for sign in plain[4:] + plain[:4])) % 97 == 1
