//! The `gatekeeper.ini` dialect, typed. Has no behaviour of its own.
//!
//! [`Config::read`] never fails: what a file does not say, or says wrongly, has its default, and every doubt is a
//! [`Problem`] with line and column. A key is declared once, in `sections`; what Pinhole does not act on yet is
//! declared in `known`.

#![forbid(unsafe_code)]

mod entries;
mod ini;
mod known;
mod lint;
mod manual;
mod neighbors;
mod particulars;
mod problem;
mod read;
mod section;
mod sections;
mod suggest;
mod value;

use std::collections::BTreeMap;

pub use entries::{Row, Table};
pub use manual::keys as manual_keys;
pub use problem::{Problem, Severity};
pub use sections::{
    AdmissionFeatures, CallTable, Encryption, Limits, LocationFeatures, Main, Neighbor, Particular,
    Proxy, RegistrationFeatures, Routed, StatusAuth, Tokens,
};
pub use suggest::nearest;
pub use value::{
    AliasFilter, AliasKind, AliasRule, AliasText, Aliases, Alternate, Alternates, Area, CallsTo,
    Capabilities, CauseMap, Causes, ControlKeepAlive, DecodingError, Destinations, Domains,
    EndpointKind, External, Fault, FilePath, FilePaths, Forward, GatekeeperId, GatewayPrefix,
    GatewayPrefixes, Host, Hosts, IpList, Letters, Limit, Link, Medium, Milliseconds,
    MulticastGroup, Name, NetList, Networks, Number, Numbers, Permanent, Port, PortRange,
    PrefixCapacities, PrefixCapacity, Prefixes, Protection, Redirect, Relay, Remark, Routes,
    Routing, Routings, Seconds, Secret, SignalAddress, SignallingKeepAlive, StatusRule, StunServer,
    Suffix, Value, VendorText, Wish, Wrong,
};

use entries::{About, Entries};
use ipnet::IpNet;
use section::Section;

macro_rules! config {
    (
        $($(#[doc = $doc:literal])+ $field:ident: $section:ty,)+;
        $($(#[doc = $about:literal])+ $table:ident: $rows:ty as $name:literal,)+
    ) => {
        /// A configuration, always usable.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct Config {
            $($(#[doc = $doc])+ pub $field: $section,)+
            $($(#[doc = $about])+ pub $table: $rows,)+
            /// `[Neighbor::…]`, by name, in the order of `[RasSrv::Neighbors]`.
            pub neighbors: Vec<(String, Neighbor)>,
            /// `[EP::…]`, by name, in the order of the file.
            pub particulars: Vec<(String, Particular)>,
            /// Rules about who may come that nobody enforces in this version: the line, section and key.
            pub unenforced: Vec<(u32, String)>,
            /// Where the values come from that are not defaults.
            sources: BTreeMap<(String, &'static str), Source>,
        }

        impl Config {
            /// The sections with typed keys, in the order of the manual.
            fn sections(&self) -> Vec<&dyn Section> {
                vec![$(&self.$field),+]
            }

            /// The same, to be set.
            fn sections_mut(&mut self) -> Vec<&mut dyn Section> {
                vec![$(&mut self.$field),+]
            }

            /// The sections with free keys, in the order of the manual.
            fn tables(&self) -> Vec<(About, &dyn Entries)> {
                vec![$((About { name: $name, doc: &[$($about),+] }, &self.$table)),+]
            }

            /// The same, to be filled.
            fn tables_mut(&mut self) -> Vec<(About, &mut dyn Entries)> {
                vec![$((About { name: $name, doc: &[$($about),+] }, &mut self.$table)),+]
            }
        }
    };
}

config! {
    /// `[Gatekeeper::Main]`
    main: Main,
    /// `[GkStatus::Auth]`
    status_auth: StatusAuth,
    /// `[RasSrv::LRQFeatures]`
    location: LocationFeatures,
    /// `[H235]`
    tokens: Tokens,
    /// `[RasSrv::RRQFeatures]`
    registration: RegistrationFeatures,
    /// `[RasSrv::ARQFeatures]`
    admission: AdmissionFeatures,
    /// `[RoutedMode]`
    routed: Routed,
    /// `[Proxy]`
    proxy: Proxy,
    /// `[Pinhole::Encryption]`
    encryption: Encryption,
    /// `[Pinhole::Limits]`
    limits: Limits,
    /// `[CallTable]`
    call_table: CallTable,
    ;
    /// Endpoints that are called without ever registering, under the signalling address that they have.
    permanent: Table<SignalAddress, Permanent> as "RasSrv::PermanentEndpoints",
    /// The prefixes of the numbers that registered gateways take calls for, by an alias of the gateway.
    gateway_prefixes: Table<AliasText, GatewayPrefixes> as "RasSrv::GWPrefixes",
    /// How much of the calls of a network goes through the gatekeeper; of several that contain a party the smallest counts.
    /// Calls that need the gatekeeper's help are proxied in any case.
    mode_selection: Table<IpNet, Routings> as "ModeSelection",
    /// The least of a call that goes through the gatekeeper, by what the caller's or a registered called party's product is
    /// called, without regard to case; of several keys that are part of it the longest counts.
    mode_by_vendor: Table<VendorText, Routing> as "ModeVendorSelection",
    /// Encryption of the legs that lead to a network; the smallest network that contains the party's address counts.
    encrypt_by_network: Table<IpNet, Protection> as "Pinhole::EncryptByNetwork",
    /// Encryption of the legs of a party by its alias: one under which it is registered, or was called, also before the call
    /// was sent on or through a gateway. The strictest of several counts.
    encrypt_by_alias: Table<AliasText, Protection> as "Pinhole::EncryptByAlias",
    /// Encryption of the legs to a neighbor or traversal zone, by its name in `[RasSrv::Neighbors]`.
    encrypt_by_neighbor: Table<AliasText, Protection> as "Pinhole::EncryptByNeighbor",
}

/// Where a value in force came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said it.
    Default,
    /// The file, in this line (from 1).
    Line(u32),
    /// The command line, by this flag.
    CommandLine(&'static str),
}

/// The origin of a value, and the place to point at when it is doubtful.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Source {
    origin: Origin,
    line: u32,
    column: u32,
}

/// A value that the command line sets, whatever the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The flag, as the operator types it.
    pub flag: &'static str,
    /// The section.
    pub section: &'static str,
    /// The key.
    pub key: &'static str,
    /// The value, as it would stand in the file.
    pub value: String,
}

/// A value in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The section.
    pub section: String,
    /// The key.
    pub key: String,
    /// The value, as it would stand in the file; of a password only stars.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

impl Config {
    /// Reads the text of a file.
    #[must_use]
    pub fn read(text: &str) -> (Self, Vec<Problem>) {
        Self::load(text.as_bytes(), &[])
    }

    /// Reads the octets of a file; `overrides` win over what it says. The problems come in the order of the
    /// file, those of the command line first.
    #[must_use]
    pub fn load(bytes: &[u8], overrides: &[Override]) -> (Self, Vec<Problem>) {
        read::read(bytes, overrides)
    }

    /// Every value in force and where it came from; those that have no effect in this version are not in force.
    #[must_use]
    pub fn effective(&self) -> Vec<Effective> {
        let mut all = Vec::new();
        let named = self.sections().into_iter().map(|section| (section.name().to_owned(), section));
        let neighbors = self.neighbors.iter().map(|(name, neighbor)| {
            (format!("{}::{name}", neighbor.name()), neighbor as &dyn Section)
        });
        let particulars = self.particulars.iter().map(|(name, particular)| {
            (format!("{}::{name}", particular.name()), particular as &dyn Section)
        });
        for (title, section) in named.chain(neighbors).chain(particulars) {
            let values = section.keys().iter().zip(section.show());
            for (key, value) in values.filter(|(key, _)| !key.inert) {
                let (section, key) = (title.clone(), key.name);
                let source = self.sources.get(&(section.clone(), key));
                let origin = source.map_or(Origin::Default, |source| source.origin);
                all.push(Effective { section, key: key.to_owned(), value, origin });
            }
        }
        for (about, table) in self.tables() {
            for (key, value, line) in table.show() {
                let origin = Origin::Line(line);
                all.push(Effective { section: about.name.to_owned(), key, value, origin });
            }
        }
        all
    }

    /// A problem with what the value of a typed key leads to, at that value.
    #[must_use]
    pub fn problem(
        &self,
        section: &str,
        key: &'static str,
        severity: Severity,
        text: impl Into<String>,
    ) -> Problem {
        let (line, column) =
            self.source(section, key).map_or((0, 0), |source| (source.line, source.column));
        match severity {
            Severity::Error => Problem::error(line, column, text),
            Severity::Warning => Problem::warning(line, column, text),
        }
    }

    /// Where a typed key was said; nothing if nowhere.
    fn source(&self, section: &str, key: &'static str) -> Option<Source> {
        self.sources.get(&(section.to_owned(), key)).copied()
    }
}
