//! What can be wrong with a value, and what its author ought to know. One catalogue, sorted.

/// Why a value is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing stands after the `=` where something must.
    #[error("empty value")]
    Empty,
    /// Two ports, the first larger.
    #[error("the first port, {first}, is larger than the last, {last}")]
    Backwards {
        /// The first.
        first: u16,
        /// The last.
        last: u16,
    },
    /// No other gatekeeper.
    #[error("'{0}' is not a gatekeeper, such as 192.0.2.4;1719;false;1;Name")]
    NotAlternate(String),
    /// Neither IPv4 nor IPv6.
    #[error("'{0}' is not an IP address")]
    NotAddress(String),
    /// None of the strict booleans.
    #[error("'{text}' is not a boolean (0, 1, true, false, yes, no); GnuGk reads it as {gnugk}")]
    NotBoolean {
        /// What stands there.
        text: String,
        /// What GnuGk makes of it.
        gnugk: &'static str,
    },
    /// No rule of kinds of aliases.
    #[error(
        "'{0}' is not a rule such as terminal;h323id,dialeddigits (terminal, gateway or mcu; then dialeddigits, h323id, \
         url, transport, email, partynumber, mobileuim)"
    )]
    NotAliasRule(String),
    /// No causes.
    #[error("'{0}' is not a cause (1 to 127) or a range of them, such as 21-127")]
    NotCauses(String),
    /// A word that is none of the allowed ones.
    #[error("'{text}' is not one of {allowed}")]
    NotChoice {
        /// What stands there.
        text: String,
        /// The words.
        allowed: &'static str,
    },
    /// No multicast group.
    #[error("'{0}' is not an IPv4 multicast group (224.0.0.0 to 239.255.255.255)")]
    NotGroup(String),
    /// Neither a host's name nor an address.
    #[error("'{0}' is not a host's name or address")]
    NotHost(String),
    /// No address of the web.
    #[error("'{0}' is not an address such as https://example.org/account?user=%a")]
    NotLink(String),
    /// No network.
    #[error("'{0}' is not a network (192.168.0.0/16, 192.168.0.0/255.255.0.0, or an address)")]
    NotNetwork(String),
    /// Not digits only.
    #[error("'{0}' is not a number")]
    NotNumber(String),
    /// No port number.
    #[error("'{0}' is not a port (0 to 65535)")]
    NotPort(String),
    /// No prefix of numbers.
    #[error("'{0}' is not a prefix, such as 02, 02:=2 or !021")]
    NotPrefix(String),
    /// No capacity of a prefix.
    #[error(
        "'{0}' is not a beginning of numbers and how many calls it may have, such as ^0049:=10 or ^(0044|0045):=20"
    )]
    NotPrefixCapacity(String),
    /// No numbers.
    #[error("'{0}' is not a number or a range of numbers with as many digits, such as 5630-5650")]
    NotNumbers(String),
    /// Not two ports.
    #[error("'{0}' is not a range of ports, such as 30000-39999")]
    NotRange(String),
    /// No limit from which on endpoints are sent away.
    #[error(
        "'{0}' is not a limit, such as Endpoints > 100 or Calls > 50, and not temporary or permanent"
    )]
    NotRedirect(String),
    /// No network with an address of ours.
    #[error("'{0}' is not a route, such as 10.2.1.5/16 or 11.0.0.0/8-192.0.2.1")]
    NotRoute(String),
    /// No translation of causes.
    #[error("'{0}' is not a translation of causes (1 to 127), such as 17:=34")]
    NotTranslation(String),
    /// A number that the key does not allow.
    #[error("{number} is not between {least} and {most}")]
    OutOfRange {
        /// The number.
        number: u64,
        /// The smallest allowed.
        least: u32,
        /// The largest allowed.
        most: u32,
    },
    /// The same key again, perhaps in another spelling.
    #[error("the same as in line {0}")]
    Repeated(u32),
    /// More numbers than one endpoint may have.
    #[error("{count} numbers; there may be {most}")]
    TooMany {
        /// How many.
        count: u64,
        /// How many there may be.
        most: u64,
    },
    /// A text that does not fit its field in the messages.
    #[error("{length} characters long, at most {most} fit into the messages")]
    TooLong {
        /// Its length in characters.
        length: usize,
        /// The longest allowed.
        most: usize,
    },
}

/// What the author of a valid value ought to know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Remark {
    /// The nearest allowed number counts.
    #[error("{number} is not between {least} and {most}: {nearest} is used")]
    Clamped {
        /// What stands there.
        number: u32,
        /// What is used.
        nearest: u32,
        /// The smallest allowed.
        least: u32,
        /// The largest allowed.
        most: u32,
    },
    /// An address that a cloud would have to tell.
    #[error(
        "{0} is accepted, has no effect in this version: an IP address, a host's name or STUN has, which asks STUNServer"
    )]
    NoCloud(String),
}
