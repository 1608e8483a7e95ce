//! Why a call ended or a request was refused: Q.931 causes, H.225.0 release reasons and RAS reject reasons, and
//! the one table between them (H.225.0 table 5).

/// Declares a catalogue: one row per alternative, with its name in the standard, what it stands for in the
/// next catalogue, and one sentence for people.
macro_rules! catalogue {
    (
        $(#[$meta:meta])*
        pub enum $catalogue:ident => $to:ident: $target:ty {
            $($alternative:ident $name:literal $value:ident $sentence:literal;)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $catalogue {
            $(#[doc = concat!("`", $name, "`: ", $sentence, ".")] $alternative,)*
        }

        impl $catalogue {
            /// Every alternative, in the order of the standard.
            pub const ALL: &[Self] = &[$(Self::$alternative),*];

            /// The name in the standard.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$alternative => $name,)* }
            }

            /// The alternative of this name in the standard.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|alternative| alternative.name() == name)
            }

            /// What it means, for people: one sentence without its full stop.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$alternative => $sentence,)* }
            }

            #[doc = concat!("The [`", stringify!($target), "`] that stands for it.")]
            #[must_use]
            pub const fn $to(self) -> $target {
                match self { $(Self::$alternative => <$target>::$value,)* }
            }
        }

        impl std::fmt::Display for $catalogue {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

mod asn;
mod q931;
mod reject;
mod release;

pub use q931::Cause;
pub use reject::Reject;
pub use release::Release;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_becomes_its_cause() {
        assert_eq!(Release::InConf.cause(), Cause::USER_BUSY);
        assert_eq!(Release::CalledPartyNotRegistered.cause(), Cause::SUBSCRIBER_ABSENT);
        assert_eq!(Reject::UnallocatedNumber.release().cause(), Cause::NO_ROUTE_TO_DESTINATION);
        assert_eq!(Reject::UnallocatedNumber.cause(), Cause::UNALLOCATED_NUMBER);
        assert_eq!(Reject::ExceedsCallCapacity.cause(), Cause::NO_CIRCUIT_AVAILABLE);
    }

    #[test]
    fn a_cause_becomes_a_reason() {
        assert_eq!(Release::from(Cause::USER_BUSY), Release::InConf);
        assert_eq!(Release::from(Cause::NORMAL_CLEARING), Release::DestinationRejection);
        assert_eq!(Release::from(Cause::new(99)), Release::UndefinedReason);
    }

    #[test]
    fn every_cause_of_a_reason_has_a_name() {
        for reason in Release::ALL {
            assert_ne!(reason.cause().name(), "unknown", "{reason}");
            assert!(!reason.sentence().ends_with('.'), "{reason}");
            assert_eq!(Release::from_name(reason.name()), Some(*reason));
        }
        for reject in Reject::ALL {
            assert_ne!(reject.cause().name(), "unknown", "{reject}");
            assert_eq!(Reject::from_name(reject.name()), Some(*reject));
        }
        assert_eq!(Release::from_name("no such"), None);
    }

    #[test]
    fn causes_are_seven_bits_and_say_what_they_are() {
        assert_eq!(Cause::new(0x90), Cause::NORMAL_CLEARING);
        assert_eq!(Cause::NORMAL_CLEARING.to_string(), "16 normal call clearing");
        assert_eq!(Cause::new(126).to_string(), "126 unknown");
        assert_eq!(
            Cause::new(126).sentence(),
            "the call ended for a reason that is not in the catalogue"
        );
    }
}
