//! NAT traversal machines (H.460.18, H.460.19). No sockets, no clock.
