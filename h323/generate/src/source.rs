//! Reads the modules, and renames what would be taken for another module's type: rasn-compiler
//! resolves names in one namespace over all modules, without a warning.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use regex::Regex;

/// One ASN.1 module, ready for rasn-compiler.
pub struct Source {
    /// Name of the Rust module made from it.
    pub rust: &'static str,
    /// Name rasn-compiler gives the Rust module.
    pub compiled: &'static str,
    /// The text, in UTF-8, with unique names.
    pub text: String,
}

/// File and Rust module; the name rasn-compiler makes; patterns replaced, in order.
type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// `SIGNED {X}`, `ENCRYPTED {X}`, `HASHED {X}`: what X is does not show in the octets (it is
/// always an open type), so one plain type each serves all uses.
const SECURED: [(&str, &str); 3] = [
    (r"\bSIGNED\s*\{[^}]*\}", "Signed"),
    (r"\bENCRYPTED\s*\{[^}]*\}", "Encrypted"),
    (r"\bHASHED\s*\{[^}]*\}", "Hashed"),
];

const MODULES: [Row; 8] = [
    ("h225", "h323_messages", &[(r"\bPassword\b", "H235Password")]),
    (
        "h235",
        "h235_security_messages",
        &[
            (r"\b(Password|NonStandardParameter)\b", "H235$1"),
            (r"\bToBeSigned,", "EncodedGeneralToken,"),
            (r"\(\s*CONSTRAINED BY\s*\{[^}]*\}\s*\)", ""),
        ],
    ),
    (
        "h245",
        "multimedia_system_control",
        &[(
            concat!(
                r"\b(NonStandardIdentifier|NonStandardMessage|NonStandardParameter",
                r"|TransportAddress|Params|IV8|IV16|Password)\b"
            ),
            "H245$1",
        )],
    ),
    ("h46015", "signalling_channel_suspend_redirect", &[]),
    ("h46018", "signalling_traversal", &[]),
    (
        "h46019",
        "media_traversal_19",
        &[
            (r"\bTransportAddress\b", "H245TransportAddress"),
            (r"MEDIA-TRAVERSAL", "MEDIA-TRAVERSAL-19"),
            // The module says H.245 has TimeToLive; it is H.225.0's.
            (r",\s*TimeToLive\s*FROM MULTI", " FROM MULTI"),
            (r"(FROM MULTIMEDIA-SYSTEM-CONTROL)", "$1 TimeToLive FROM H323-MESSAGES"),
        ],
    ),
    (
        "h46024b",
        "media_traversal_24",
        &[
            (r"\bTransportAddress\b", "H245TransportAddress"),
            (r"MEDIA-TRAVERSAL", "MEDIA-TRAVERSAL-24"),
        ],
    ),
    ("h46026", "media_over_h2250", &[]),
];

/// Reads all modules from `directory`; fails when a type name is defined twice.
pub fn read(directory: &Path) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    for (rust, compiled, renames) in MODULES {
        let path = directory.join(format!("{rust}.asn"));
        let octets = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        // Windows-1252 in some files, in comments only; rasn-compiler wants UTF-8.
        let mut text: String = octets.into_iter().map(char::from).collect();
        for (pattern, replacement) in SECURED.iter().chain(renames) {
            let pattern = Regex::new(pattern).map_err(|error| error.to_string())?;
            text = pattern.replace_all(&text, *replacement).into_owned();
        }
        sources.push(Source { rust, compiled, text });
    }
    unique(&sources)?;
    Ok(sources)
}

fn unique(sources: &[Source]) -> Result<(), String> {
    let definition = Regex::new(r"(?m)^([A-Z][A-Za-z0-9-]*)\s*::=").map_err(|e| e.to_string())?;
    let mut seen = BTreeMap::new();
    for source in sources {
        for found in definition.captures_iter(&source.text) {
            if let Some(other) = seen.insert(found[1].to_owned(), source.rust) {
                return Err(format!("{} is defined in {other} and in {}", &found[1], source.rust));
            }
        }
    }
    Ok(())
}
