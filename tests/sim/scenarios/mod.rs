//! What must come true in the simulated world.

/// Every scenario runs twice: its streams delivered as they were sent, and one octet at a time.
macro_rules! as_sent_and_octet_by_octet {
    ($($name:ident,)*) => {
        mod as_sent {
            $(#[test] fn $name() { super::$name(crate::world::Chop::AsSent); })*
        }
        mod octet_by_octet {
            $(#[test] fn $name() { super::$name(crate::world::Chop::EachByte); })*
        }
    };
}

mod aimed;
mod calls;
mod data;
mod dialect;
mod discovery;
mod ends;
mod face;
mod fast;
mod features;
mod floods;
mod forwarding;
mod gone;
mod granted;
mod guarded;
mod hostile;
mod keys;
pub(crate) mod lab;
mod latching;
mod load;
mod lost;
mod modes;
mod multiplex;
pub(crate) mod mutants;
mod nats;
mod parties;
mod pictures;
mod policies;
mod ports;
mod reach;
mod rebinding;
mod reflected;
mod release;
mod reopened;
mod secure;
mod secure_raw;
mod secure_zone;
mod silence;
mod sprays;
mod status;
mod storms;
mod streams;
mod talk;
mod tampered;
mod theft;
mod twins;
pub(crate) mod watch;
mod wires;
mod zone;
