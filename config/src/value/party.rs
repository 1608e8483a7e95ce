//! What is said of single parties: their numbers, the causes that they understand, whether their media is relayed.

use super::net::pieces;
use super::{Fault, Value, Wrong};

/// Causes, and which one takes the place of each: `17:=34,21:=34`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CauseMap(pub Vec<(u8, u8)>);

/// Numbers and ranges of numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers(Vec<(String, Option<String>)>);

/// Names of kinds of capabilities, as H.245 has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities(pub Vec<String>);

/// Whether the media of calls to a party is relayed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Relay {
    /// As that of others.
    #[default]
    Usual,
    /// In any case.
    Always,
    /// Only if nothing else lets it through.
    Never,
}

impl CauseMap {
    /// What a cause becomes; one that is not listed stays.
    #[must_use]
    pub fn of(&self, cause: u8) -> u8 {
        self.0.iter().find(|(from, _)| *from == cause).map_or(cause, |(_, to)| *to)
    }
}

impl Value for CauseMap {
    const SYNTAX: &'static str = "`cause:=cause`; several";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let cause = |text: &str| text.trim().parse().ok().filter(|cause| (1..=127).contains(cause));
        let read = |(at, piece): (usize, &str)| {
            let both =
                piece.split_once(":=").and_then(|(one, other)| Some((cause(one)?, cause(other)?)));
            both.ok_or_else(|| Wrong { at, fault: Fault::NotTranslation(piece.trim().to_owned()) })
        };
        let all =
            pieces(text, |c| c == ',').into_iter().filter(|(_, piece)| !piece.trim().is_empty());
        all.map(read).collect::<Result<_, _>>().map(Self)
    }

    fn render(&self) -> String {
        self.0.iter().map(|(from, to)| format!("{from}:={to}")).collect::<Vec<_>>().join(",")
    }
}

impl Numbers {
    /// How many there may be in all.
    const MOST: u64 = 1000;

    /// Every number.
    pub fn all(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().flat_map(|(first, last)| {
            let width = first.len();
            let ends = (value(first), last.as_deref().map_or_else(|| value(first), value));
            // A number without a range may be longer than any integer.
            let single = last.is_none().then(|| first.clone());
            let range = last.is_some().then(|| ends.0.min(ends.1)..=ends.0.max(ends.1));
            let range = range.into_iter().flatten().map(move |number| format!("{number:0width$}"));
            single.into_iter().chain(range)
        })
    }

    fn count(&self) -> u64 {
        let of = |(first, last): &(String, Option<String>)| {
            last.as_ref().map_or(1, |last| value(first).abs_diff(value(last)).saturating_add(1))
        };
        self.0.iter().map(of).fold(0, u64::saturating_add)
    }
}

/// What some digits are worth; those of a range fit.
fn value(digits: &str) -> u64 {
    digits.parse().unwrap_or(u64::MAX)
}

impl Value for Numbers {
    const SYNTAX: &'static str = "numbers, ranges of numbers";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let dialable = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || "*#+".contains(c))
        };
        let digits =
            |text: &str| (1..=18).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let read = |(at, piece): (usize, &str)| {
            let piece = piece.trim();
            let wrong = || Wrong { at, fault: Fault::NotNumbers(piece.to_owned()) };
            match piece.split_once('-') {
                Some((first, last)) => {
                    let (first, last) = (first.trim(), last.trim());
                    let fits = digits(first) && digits(last) && first.len() == last.len();
                    if fits { Ok((first.to_owned(), Some(last.to_owned()))) } else { Err(wrong()) }
                }
                None if dialable(piece) && piece.len() <= 128 => Ok((piece.to_owned(), None)),
                None => Err(wrong()),
            }
        };
        let all =
            pieces(text, |c| c == ',').into_iter().filter(|(_, piece)| !piece.trim().is_empty());
        let numbers = all.map(read).collect::<Result<_, _>>().map(Self)?;
        match numbers.count() {
            count if count > Self::MOST => Err(Fault::TooMany { count, most: Self::MOST }.into()),
            _ => Ok(numbers),
        }
    }

    fn render(&self) -> String {
        let one = |(first, last): &(String, Option<String>)| match last {
            Some(last) => format!("{first}-{last}"),
            None => first.clone(),
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(",")
    }
}

impl Value for Capabilities {
    const SYNTAX: &'static str = "names of H.245 capabilities, separated by `;`";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let names = text.split([';', ',']).map(str::trim).filter(|name| !name.is_empty());
        Ok(Self(names.map(str::to_owned).collect()))
    }

    fn render(&self) -> String {
        self.0.join(";")
    }
}

impl Value for Relay {
    const SYNTAX: &'static str = "`0`, `1` or `2`";
    const BARE: bool = true;

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "0" => Ok(Self::Usual),
            "1" => Ok(Self::Always),
            "2" => Ok(Self::Never),
            "" => Err(Fault::Empty.into()),
            _ => Err(Fault::NotChoice { text: text.to_owned(), allowed: "0, 1, 2" }.into()),
        }
    }

    fn render(&self) -> String {
        match self {
            Self::Usual => "0",
            Self::Always => "1",
            Self::Never => "2",
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_become_others() {
        let map = CauseMap::parse("17:=34, 21:=31").unwrap();
        assert_eq!((map.of(17), map.of(21), map.of(16)), (34, 31, 16));
        assert_eq!(map.render(), "17:=34,21:=31");
        assert_eq!(CauseMap::parse("").unwrap().of(17), 17);
        for (wrong, at) in [("17", 0), ("17:=34,0:=1", 7), ("1:=128", 0), ("a:=1", 0)] {
            assert_eq!(CauseMap::parse(wrong).unwrap_err().at, at, "{wrong}");
        }
    }

    #[test]
    fn a_range_of_numbers_keeps_its_zeros_and_may_be_written_backwards() {
        let read = |text: &str| Numbers::parse(text).unwrap().all().collect::<Vec<_>>();
        assert_eq!(
            read("4212, 5632-5630,0098-0100"),
            ["4212", "5630", "5631", "5632", "0098", "0099", "0100"]
        );
        assert_eq!(read("123456789012345678901234567890"), ["123456789012345678901234567890"]);
        assert_eq!(Numbers::parse("4212,5650-5630").unwrap().render(), "4212,5650-5630");
        for wrong in ["a", "1-22", "1-", "1,x", "1000000000000000000-2000000000000000000"] {
            assert!(Numbers::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(read("0000-0999").len(), 1000);
        let many = Numbers::parse("0000-0999,5").unwrap_err().fault;
        assert_eq!(many.to_string(), "1001 numbers; there may be 1000");
    }
}
