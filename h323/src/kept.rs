//! A message and, until it is changed, the octets it came in.

use crate::error::Malformed;

/// Chooses a part that several alternatives of a CHOICE have under the same name; `None` for the others.
macro_rules! each {
    ($value:expr, $choice:ident [$($alternative:ident)+], $body:ident => $part:expr) => {
        match $value {
            $($choice::$alternative($body) => Some($part),)+
            _ => None,
        }
    };
}
pub(crate) use each;

/// Names the alternative of a CHOICE as the standard does.
macro_rules! name_of {
    ($value:expr, $choice:ident [$($alternative:ident)+]) => {
        match $value {
            $($choice::$alternative(_) => stringify!($alternative),)+
            $choice::UnknownAlternative(_) => "unknown",
        }
    };
}
pub(crate) use name_of;

/// The decoded form, and the octets as long as they say the same.
#[derive(Debug, Clone)]
pub(crate) struct Kept<T> {
    value: T,
    octets: Option<Vec<u8>>,
}

impl<T> Kept<T> {
    /// A message made here.
    pub(crate) const fn new(value: T) -> Self {
        Self { value, octets: None }
    }

    /// A message that arrived.
    pub(crate) fn arrived(value: T, octets: &[u8]) -> Self {
        Self { value, octets: Some(octets.to_vec()) }
    }

    pub(crate) const fn value(&self) -> &T {
        &self.value
    }

    /// To change it: from now on the octets are made anew.
    pub(crate) fn change(&mut self) -> &mut T {
        self.octets = None;
        &mut self.value
    }

    pub(crate) fn into_value(self) -> T {
        self.value
    }

    /// The octets as they came, or those that `encode` makes.
    pub(crate) fn encode(
        &self,
        encode: impl FnOnce(&T) -> Result<Vec<u8>, Malformed>,
    ) -> Result<Vec<u8>, Malformed> {
        self.octets.clone().map_or_else(|| encode(&self.value), Ok)
    }
}

/// Two messages are equal when they say the same, in whatever octets.
impl<T: PartialEq> PartialEq for Kept<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}
