//! Cause values (Q.931 §4.5.12, Q.850).

/// A cause value, `0..=127`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause(u8);

/// Declares the causes: constant, value, name in Q.850, sentence.
macro_rules! causes {
    ($($constant:ident $value:literal $name:literal $sentence:literal;)*) => {
        impl Cause {
            $(
                #[doc = concat!("Cause ", stringify!($value), ", ", $name, ".")]
                pub const $constant: Self = Self($value);
            )*

            fn row(self) -> Option<(&'static str, &'static str)> {
                match self.0 { $($value => Some(($name, $sentence)),)* _ => None }
            }
        }
    };
}

causes! {
    UNALLOCATED_NUMBER 1 "unallocated number" "nobody has the number that was called";
    NO_ROUTE_TO_DESTINATION 3 "no route to destination" "the called party cannot be reached from here";
    CHANNEL_UNACCEPTABLE 6 "channel unacceptable" "the channel offered cannot be used";
    NORMAL_CLEARING 16 "normal call clearing" "a party hung up";
    USER_BUSY 17 "user busy" "the called party is busy";
    NO_USER_RESPONDING 18 "no user responding" "the called party's system does not answer";
    NO_ANSWER 19 "no answer from user" "the called party was alerted but did not answer";
    SUBSCRIBER_ABSENT 20 "subscriber absent" "the called party is not registered";
    CALL_REJECTED 21 "call rejected" "the called party refused the call";
    NUMBER_CHANGED 22 "number changed" "the called party has another number now";
    EXCHANGE_ROUTING_ERROR 25 "exchange routing error" "the call went around in a circle";
    DESTINATION_OUT_OF_ORDER 27 "destination out of order" "the called party's system cannot be connected to";
    INVALID_NUMBER_FORMAT 28 "invalid number format" "the number that was called is incomplete or malformed";
    FACILITY_REJECTED 29 "facility rejected" "a feature that was asked for is refused";
    RESPONSE_TO_STATUS_ENQUIRY 30 "response to status enquiry" "the state was asked for and told";
    NORMAL_UNSPECIFIED 31 "normal, unspecified" "the call ended without a reason given";
    NO_CIRCUIT_AVAILABLE 34 "no circuit/channel available" "there is not enough bandwidth or capacity";
    NETWORK_OUT_OF_ORDER 38 "network out of order" "the gatekeeper or the network cannot be reached";
    TEMPORARY_FAILURE 41 "temporary failure" "something failed that may work soon";
    SWITCHING_CONGESTION 42 "switching equipment congestion" "a system on the way is overloaded";
    RESOURCE_UNAVAILABLE 47 "resource unavailable, unspecified" "a system on the way has no resources left";
    BEARER_NOT_AUTHORIZED 57 "bearer capability not authorized" "the kind of call asked for is not permitted";
    BEARER_NOT_AVAILABLE 58 "bearer capability not presently available" "the kind of call asked for is not possible now";
    SERVICE_NOT_AVAILABLE 63 "service or option not available, unspecified" "the service asked for is not available";
    BEARER_NOT_IMPLEMENTED 65 "bearer capability not implemented" "the kind of call asked for is not supported";
    NOT_IMPLEMENTED 79 "service or option not implemented, unspecified" "the service asked for is not supported";
    INVALID_CALL_REFERENCE 81 "invalid call reference value" "a message spoke of a call that does not exist";
    INCOMPATIBLE_DESTINATION 88 "incompatible destination" "the two parties have no way of calling in common";
    INVALID_MESSAGE 95 "invalid message, unspecified" "a message could not be understood";
    MISSING_ELEMENT 96 "mandatory information element is missing" "a message lacked a part that it must have";
    MESSAGE_TYPE_UNKNOWN 97 "message type non-existent or not implemented" "a message was of an unknown type";
    INVALID_ELEMENT 100 "invalid information element contents" "a part of a message made no sense";
    TIMER_EXPIRED 102 "recovery on timer expiry" "an answer did not come in time";
    PROTOCOL_ERROR 111 "protocol error, unspecified" "a message broke the protocol";
    INTERWORKING 127 "interworking, unspecified" "the other network gave no reason";
}

impl Cause {
    /// The cause of the low seven bits of `value`.
    #[must_use]
    pub const fn new(value: u8) -> Self {
        Self(value & 0x7f)
    }

    /// The value, `0..=127`.
    #[must_use]
    pub const fn value(self) -> u8 {
        self.0
    }

    /// The name in Q.850, or `unknown`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().map_or("unknown", |row| row.0)
    }

    /// What it means, for people: one sentence without its full stop.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        self.row().map_or("the call ended for a reason that is not in the catalogue", |row| row.1)
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.0, self.name())
    }
}
