//! Wire formats of H.323: bytes to meaning and back. No state, no time, no I/O.
