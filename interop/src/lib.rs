//! The lab: network namespaces, kernel NATs, tshark as witness. Knows only the `pinhole` binary and its ports.
