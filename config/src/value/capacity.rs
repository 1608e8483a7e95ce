//! How many calls a gateway takes, by the beginning of the called number.

use super::net::pieces;
use super::{Fault, Value, Wrong};

/// Beginnings of called numbers, and how many calls to them there may be: `^0049:=10,^(0044|0045):=20`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrefixCapacities(pub Vec<PrefixCapacity>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixCapacity {
    /// As it is written.
    pub pattern: String,
    /// How many calls there may be.
    pub most: u32,
    /// What numbers begin with; a `.` stands for any character.
    starts: Vec<String>,
}

/// What a pattern may stand for, at most.
const MOST: usize = 64;

impl PrefixCapacity {
    /// True for a number that begins as the pattern says.
    #[must_use]
    pub fn fits(&self, number: &str) -> bool {
        let begins = |start: &String| {
            let mut digits = number.chars();
            start.chars().all(|want| digits.next().is_some_and(|it| want == '.' || want == it))
        };
        self.starts.iter().any(begins)
    }

    fn read(text: &str) -> Option<Self> {
        let (pattern, most) = text.split_once(":=")?;
        let pattern = pattern.trim().to_owned();
        let starts = starts(pattern.strip_prefix('^')?)?;
        Some(Self { pattern, most: most.trim().parse().ok()?, starts })
    }
}

/// What the part of a regular expression after its `^` stands for, when it has nothing but characters of numbers, `.`, and
/// alternatives in parentheses.
fn starts(mut rest: &str) -> Option<Vec<String>> {
    // A star repeats what is before it there, and so it is none of a number.
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_digit() || "#.".contains(c));
    let mut all = vec![String::new()];
    while !rest.is_empty() {
        let (one, left) = match rest.strip_prefix('(') {
            Some(inner) => inner.split_once(')')?,
            None => rest.split_at(rest.find('(').unwrap_or(rest.len())),
        };
        let ends: Vec<&str> =
            if rest.starts_with('(') { one.split('|').collect() } else { vec![one] };
        if !ends.iter().all(|end| plain(end)) || all.len() * ends.len() > MOST {
            return None;
        }
        let join = |start: &String| ends.iter().map(|end| format!("{start}{end}")).collect();
        all = all.iter().flat_map::<Vec<String>, _>(join).collect();
        rest = left;
    }
    Some(all)
}

impl Value for PrefixCapacities {
    const SYNTAX: &'static str = "`^prefix:=number`; several";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let read = |(at, piece): (usize, &str)| {
            let piece = piece.trim();
            let wrong = || Wrong { at, fault: Fault::NotPrefixCapacity(piece.to_owned()) };
            PrefixCapacity::read(piece).ok_or_else(wrong)
        };
        let all =
            pieces(text, |c| c == ',').into_iter().filter(|(_, piece)| !piece.trim().is_empty());
        all.map(read).collect::<Result<_, _>>().map(Self)
    }

    fn render(&self) -> String {
        let one = |one: &PrefixCapacity| format!("{}:={}", one.pattern, one.most);
        self.0.iter().map(one).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_of_numbers_are_known() {
        let read =
            PrefixCapacities::parse("^0049:=10, ^(0044|0045):=20,^00.(1|22)(3|):=0").unwrap();
        assert_eq!(read.render(), "^0049:=10,^(0044|0045):=20,^00.(1|22)(3|):=0");
        let fits = |number: &str| -> Vec<u32> {
            read.0.iter().filter(|one| one.fits(number)).map(|one| one.most).collect()
        };
        assert_eq!(fits("004969"), [10]);
        assert_eq!(fits("00457"), [20]);
        assert_eq!((fits("00422"), fits("0041")), (vec![0], vec![0]));
        assert_eq!((fits("004"), fits("10049"), fits("0042")), (vec![], vec![], vec![]));
    }

    #[test]
    fn what_is_no_beginning_of_a_number_is_refused() {
        let many = format!("^{}:=1", "(1|2)".repeat(7));
        for wrong in ["0049:=1", "^0049", "^0049:=x", "^00[0-9]:=1", "^(0:=1", "^0*:=1", &many] {
            let fault = PrefixCapacities::parse(wrong).unwrap_err().fault;
            assert_eq!(fault, Fault::NotPrefixCapacity(wrong.into()));
        }
    }
}
