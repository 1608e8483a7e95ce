//! Keys and ciphers of H.235. Knows no ASN.1 and no calls.
