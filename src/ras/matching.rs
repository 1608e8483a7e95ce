//! Which aliases are the same.

use pinhole_config::AliasKind;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::AliasAddress;

/// Which differences between aliases count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matching {
    /// That of their types: 1001 as a dialled number and as a name.
    pub types: bool,
    /// That of capital and small letters.
    pub case: bool,
}

/// Equal for aliases that are the same.
pub(super) type Key = (u8, String);

impl Default for Matching {
    fn default() -> Self {
        Self { types: true, case: true }
    }
}

impl Matching {
    /// What is equal for aliases that are the same.
    pub(super) fn key(self, alias: &Alias) -> Key {
        let kind = match alias {
            Alias::DialedDigits(_) => 0,
            Alias::H323Id(_) => 1,
            Alias::Url(_) => 2,
            Alias::Transport(_) => 3,
            Alias::Email(_) => 4,
            Alias::PartyNumber(_) => 5,
            Alias::Other(_) => 6,
        };
        let text = alias.to_string();
        let text = if self.case { text } else { text.to_lowercase() };
        (if self.types { kind } else { 0 }, text)
    }
}

/// What an alias is, as the configuration names it.
pub(super) fn kind(alias: &Alias) -> AliasKind {
    match alias {
        Alias::DialedDigits(_) => AliasKind::DialedDigits,
        Alias::H323Id(_) => AliasKind::H323Id,
        Alias::Url(_) => AliasKind::Url,
        Alias::Transport(_) => AliasKind::Transport,
        Alias::Email(_) => AliasKind::Email,
        Alias::PartyNumber(_) => AliasKind::PartyNumber,
        Alias::Other(_) => match alias.to_asn() {
            AliasAddress::mobileUIM(_) => AliasKind::MobileUim,
            _ => AliasKind::PartyNumber,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_count_as_the_configuration_says() {
        let strict = Matching::default();
        let (number, name) = (Alias::DialedDigits("1001".into()), Alias::H323Id("1001".into()));
        let (small, large) = (Alias::H323Id("bob".into()), Alias::H323Id("Bob".into()));
        assert_ne!(strict.key(&number), strict.key(&name));
        assert_ne!(strict.key(&small), strict.key(&large));
        let types = Matching { types: false, case: true };
        assert_eq!(types.key(&number), types.key(&name));
        assert_ne!(types.key(&small), types.key(&large));
        let case = Matching { types: true, case: false };
        assert_eq!(case.key(&small), case.key(&large));
        assert_ne!(case.key(&number), case.key(&name));
    }
}
