//! The name that was probably meant.

use strsim::damerau_levenshtein;

/// No name of the dialect comes near this many characters, and the distance takes their square.
const LONGEST: usize = 80;

/// The nearest of the names (of several the shortest), if one is near enough: at most one slip in three letters, or the beginning or end
/// of a name with a slip.
#[must_use]
pub fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    let length = written.chars().count();
    if length > LONGEST {
        return None;
    }
    let most = (length / 3).max(1);
    let scored = names.into_iter().map(|name| (distance(&written, &name.to_lowercase()), name));
    let (score, name) = scored.min_by_key(|(score, name)| (*score, name.len()))?;
    (score <= most && score < length).then_some(name)
}

/// The distance to a name; to a part of it, one more.
fn distance(written: &str, name: &str) -> usize {
    let whole = damerau_levenshtein(written, name);
    let (length, all) = (written.chars().count(), name.chars().count());
    if length < 6 || all <= length {
        return whole;
    }
    let parts = (length..=length + 1).filter(|part| *part < all).flat_map(|part| {
        let head: String = name.chars().take(part).collect();
        let tail: String = name.chars().skip(all - part).collect();
        [head, tail]
    });
    let best = parts.map(|part| damerau_levenshtein(written, &part) + 1).min();
    best.map_or(whole, |best| best.min(whole))
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const NAMES: [&str; 6] = [
        "GKRouted",
        "H245Routed",
        "EnableGnuGkTcpKeepAlive",
        "TcpKeepAlive",
        "EnableH46018",
        "rule",
    ];

    #[test]
    fn slips_are_mended() {
        assert_eq!(nearest("GKRuoted", NAMES), Some("GKRouted"));
        assert_eq!(nearest("gkrooted", NAMES), Some("GKRouted"));
        assert_eq!(nearest("rul", NAMES), Some("rule"));
    }

    #[test]
    fn parts_are_completed() {
        assert_eq!(nearest("KepAlive", NAMES), Some("TcpKeepAlive"));
        assert_eq!(nearest("EnableH460", NAMES), Some("EnableH46018"));
    }

    #[test]
    fn nothing_is_better_than_nonsense() {
        assert_eq!(nearest("Colour", NAMES), None);
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("", NAMES), None);
        assert_eq!(nearest(&"x".repeat(1 << 20), ["x"]), None);
    }
}
