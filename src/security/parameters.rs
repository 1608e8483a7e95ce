//! Files of Diffie-Hellman parameters of an operator's own (`H235HalfCallDHParamFile`): those that `openssl dhparam` makes
//! (PKCS#3, as PEM or DER), and those of GnuGk, with a section for each identifier of a token.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD as STANDARD_NO_PAD;
use pinhole_crypto::dh::Group;

/// What is wrong with a file, or what its author ought to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1; 0 for a file without lines.
    pub line: usize,
    /// Whether the gatekeeper must not start with it.
    pub serious: bool,
    /// What it is, without a full stop.
    pub text: String,
}

/// How to make what can be used.
const MAKE: &str = "make parameters with: openssl dhparam -out FILE 2048";

fn fault(line: usize, text: impl Into<String>) -> Fault {
    Fault { line, serious: true, text: text.into() }
}

/// Reads a file.
#[must_use]
pub fn read(octets: &[u8]) -> (Vec<Group>, Vec<Fault>) {
    let text = std::str::from_utf8(octets).ok();
    let (found, mut faults) = match text {
        Some(text) if text.contains("-----BEGIN ") => pem(text),
        Some(text) if text.lines().any(|line| line.trim_start().starts_with('[')) => gnugk(text),
        _ if octets.first() == Some(&SEQUENCE) => (vec![(0, from_der(octets))], Vec::new()),
        _ => {
            let text = format!("neither PEM nor DER, nor a file of GnuGk; {MAKE}");
            (Vec::new(), vec![fault(1, text)])
        }
    };
    let mut groups: Vec<Group> = Vec::new();
    for (line, group) in found {
        match group {
            Err(text) => faults.push(fault(line, text)),
            Ok(group) if groups.iter().any(|known| known.token() == group.token()) => {
                let text =
                    format!("a second group of {} bits; there is a token for one", group.bits());
                faults.push(fault(line, text));
            }
            Ok(group) => groups.push(group),
        }
    }
    if groups.is_empty() && faults.is_empty() {
        faults.push(fault(1, format!("there are no parameters in it; {MAKE}")));
    }
    (groups, faults)
}

/// What was found in which line.
type Found = Vec<(usize, Result<Group, String>)>;

fn pem(text: &str) -> (Found, Vec<Fault>) {
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    let mut open: Option<(usize, &str, String)> = None;
    for (line, text) in (1..).zip(text.lines().map(str::trim)) {
        let label =
            |edge: &str| text.strip_prefix(edge).and_then(|rest| rest.strip_suffix("-----"));
        if let Some(label) = label("-----BEGIN ") {
            open = Some((line, label, String::new()));
        } else if let Some(end) = label("-----END ") {
            match open.take().filter(|(_, label, _)| *label == end) {
                Some((line, label, body)) => found.push((line, block(label, &body))),
                None => {
                    faults.push(fault(line, format!("the end of '{end}', which did not begin")))
                }
            }
        } else if let Some((_, _, body)) = &mut open {
            body.push_str(text);
        }
    }
    if let Some((line, label, _)) = open {
        faults.push(fault(line, format!("'{label}' has no end; the file is cut off")));
    }
    (found, faults)
}

fn block(label: &str, body: &str) -> Result<Group, String> {
    match label {
        "DH PARAMETERS" => from_der(&base64(body).ok_or("it is not Base64")?),
        "X9.42 DH PARAMETERS" => Err(format!(
            "parameters of X9.42 have small subgroups, from which a half key gives parts of a secret away; {MAKE}"
        )),
        _ => Err(format!("'{label}' is not 'DH PARAMETERS'; {MAKE}")),
    }
}

fn sound(prime: &[u8], generator: &[u8]) -> Result<Group, String> {
    Group::from_parameters(prime, generator).map_err(|unsound| {
        let bits = prime.iter().skip_while(|octet| **octet == 0).count() * 8;
        let published = Group::ALL.into_iter().find(|group| group.bits() == bits && bits > 2048);
        let nearest = published.map_or_else(
            || MAKE.to_owned(),
            |_| format!("openssl genpkey -genparam -algorithm DH -pkeyopt group:modp_{bits} -out FILE has the one"),
        );
        format!("{unsound}; {nearest}")
    })
}

/// The tags of DER.
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// DHParameter of PKCS#3: prime, base, and perhaps the length of private values, which follows from the group here.
fn from_der(octets: &[u8]) -> Result<Group, String> {
    let parse = || {
        let (body, rest) = element(octets, SEQUENCE)?;
        let (prime, body) = element(body, INTEGER)?;
        let (generator, body) = element(body, INTEGER)?;
        let length_or_nothing = body.is_empty() || element(body, INTEGER)?.1.is_empty();
        (rest.is_empty() && length_or_nothing).then_some((prime, generator))
    };
    let (prime, generator) =
        parse().ok_or_else(|| format!("not the parameters of PKCS#3; {MAKE}"))?;
    match [prime, generator].iter().any(|number| number.first().is_some_and(|top| *top >= 0x80)) {
        true => Err("a negative number".to_owned()),
        false => sound(prime, generator),
    }
}

/// The contents of the first element, and what follows it.
fn element(octets: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, octets) = octets.split_first()?;
    let (&first, octets) = octets.split_first()?;
    let (length, octets) = match first {
        0..=0x7f => (usize::from(first), octets),
        0x81..=0x83 => {
            let (length, octets) = octets.split_at_checked(usize::from(first & 0x0f))?;
            (length.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), octets)
        }
        _ => return None,
    };
    if found == tag { octets.split_at_checked(length) } else { None }
}

/// A file of GnuGk: `[0.0.8.235.0.3.45]`, `PRIME=` and `GENERATOR=` in Base64, and perhaps a fixed pair of keys.
fn gnugk(text: &str) -> (Found, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut sections: Vec<Section<'_>> = Vec::new();
    for (line, text) in (1..).zip(text.lines().map(str::trim)) {
        if let Some(name) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.push(Section { line, name: name.trim(), prime: None, generator: None });
            continue;
        }
        let Some((key, value)) = text.split_once('=') else { continue };
        let Some(section) = sections.last_mut() else { continue };
        match key.trim().to_ascii_uppercase().as_str() {
            "PRIME" => section.prime = Some((line, value.trim())),
            "GENERATOR" => section.generator = Some((line, value.trim())),
            "PUBLIC" | "PRIVATE" => faults.push(Fault {
                line,
                serious: false,
                text: format!("{} is not used: every call has keys of its own", key.trim()),
            }),
            _ if text.starts_with([';', '#']) => {}
            _ => {
                faults.push(fault(line, format!("'{}' is neither PRIME nor GENERATOR", key.trim())))
            }
        }
    }
    let found = sections.into_iter().map(Section::group).collect();
    (found, faults)
}

struct Section<'a> {
    line: usize,
    name: &'a str,
    prime: Option<(usize, &'a str)>,
    generator: Option<(usize, &'a str)>,
}

impl Section<'_> {
    fn group(self) -> (usize, Result<Group, String>) {
        let named = |group: &Group| dotted(*group) == self.name;
        let Some(named) = Group::ALL.into_iter().find(named) else {
            let all: Vec<String> = Group::ALL
                .iter()
                .map(|group| format!("{} ({} bits)", dotted(*group), group.bits()))
                .collect();
            let text = format!(
                "[{}] is the identifier of no group; they are {}",
                self.name,
                all.join(", ")
            );
            return (self.line, Err(text));
        };
        let (Some((line, prime)), Some((at, generator))) = (self.prime, self.generator) else {
            return (self.line, Err(format!("[{}] needs PRIME and GENERATOR", self.name)));
        };
        let Some(prime) = base64(prime) else {
            return (line, Err("PRIME is not Base64".to_owned()));
        };
        let Some(generator) = base64(generator).filter(|octets| !octets.is_empty()) else {
            return (at, Err("GENERATOR is not Base64".to_owned()));
        };
        // GnuGk takes the first octet, and writes as many as the prime has, whatever follows.
        let generator = match generator.first() {
            Some(first) if *first != 0 => vec![*first],
            _ => generator,
        };
        let group =
            sound(&prime, &generator).and_then(|group| match group.bits() == named.bits() {
                true => Ok(group),
                false => Err(format!(
                    "a group of {} bits in the section of {}",
                    group.bits(),
                    named.bits()
                )),
            });
        (line, group)
    }
}

fn dotted(group: Group) -> String {
    let arcs: Vec<String> = group.token().iter().map(ToString::to_string).collect();
    arcs.join(".")
}

/// The octets that Base64 (RFC 4648 §4) stands for, with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! file {
        ($name:literal) => {
            include_bytes!(concat!("../../tests/vectors/dh/", $name))
        };
    }

    fn one(octets: &[u8]) -> Group {
        let (groups, faults) = read(octets);
        assert_eq!(faults, []);
        let [group] = groups[..] else { panic!("{groups:?}") };
        group
    }

    fn said(octets: &[u8]) -> String {
        let (groups, faults) = read(octets);
        let [fault] = &faults[..] else { panic!("{groups:?} {faults:?}") };
        assert!(fault.serious && groups.is_empty(), "{fault:?}");
        format!("{}: {}", fault.line, fault.text)
    }

    #[test]
    fn what_openssl_makes_is_read() {
        let own = one(file!("dh2048.pem"));
        assert!(own.is_own() && own.bits() == 2048);
        let small = one(file!("dh1024.der"));
        assert!(small.is_own() && small.bits() == 1024);
        // The published ones are recognised, also those that could not be an operator's own.
        assert_eq!(one(file!("modp2048.pem")), Group::Modp2048);
        assert_eq!(one(file!("modp4096.pem")), Group::Modp4096);
        let both = [&file!("dh2048.pem")[..], file!("modp4096.pem")].concat();
        assert_eq!(read(&both), (vec![own, Group::Modp4096], vec![]));
        let twice = [&file!("dh2048.pem")[..], file!("modp2048.pem")].concat();
        let (groups, faults) = read(&twice);
        assert_eq!((groups, faults[0].line), (vec![own], 9));
        assert!(faults[0].text.starts_with("a second group of 2048 bits"), "{faults:?}");
    }

    #[test]
    fn what_is_unsound_is_refused_with_line_and_reason() {
        let short = said(file!("dh512.pem"));
        assert!(short.starts_with("1: the prime has 512 bits;"), "{short}");
        for file in [&file!("dsa2048.pem")[..], file!("dhx.pem")] {
            let said = said(file);
            assert!(said.starts_with("1: parameters of X9.42") && said.ends_with(MAKE), "{said}");
        }
        let long = said(file!("ffdhe4096.pem"));
        assert!(long.starts_with("1: the prime has 4096 bits;"), "{long}");
        assert!(long.contains("group:modp_4096"), "{long}");
        let text = std::str::from_utf8(file!("dh2048.pem")).unwrap();
        let cut: String = text.lines().take(3).map(|line| format!("{line}\n")).collect();
        assert_eq!(said(cut.as_bytes()), "1: 'DH PARAMETERS' has no end; the file is cut off");
        let other = "x\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(said(other.as_bytes()).starts_with("2: 'CERTIFICATE' is not 'DH PARAMETERS'"));
        for (text, why) in [("", "1: neither"), ("nothing", "1: neither"), ("[]", "1: [] is the")] {
            let said = said(text.as_bytes());
            assert!(said.starts_with(why), "{said}");
        }
        // One bit of the prime is another number, and of the frame, nothing at all.
        let der = file!("dh1024.der");
        for at in 0..der.len() {
            let mut changed = der.to_vec();
            changed[at] ^= 4;
            let generator = at == der.len() - 1;
            let (groups, faults) = read(&changed);
            assert!(groups.is_empty() != faults.is_empty(), "{at}");
            assert!(groups.is_empty() || generator, "{at}");
            assert!(read(&der[..at]).0.is_empty());
        }
    }

    #[test]
    fn the_files_of_gnugk_are_read() {
        let pem = std::str::from_utf8(file!("dh2048.pem")).unwrap();
        let own = one(pem.as_bytes());
        let coded = |octets: &[u8]| {
            const DIGITS: &[u8; 64] =
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let mut text = String::new();
            for three in octets.chunks(3) {
                let bits = three.iter().fold(0u32, |sum, octet| sum << 8 | u32::from(*octet));
                let bits = bits << (8 * (3 - three.len()));
                let digit = |n: usize| char::from(DIGITS[(bits >> (18 - 6 * n)) as usize & 63]);
                text.extend((0..4).map(|n| if n > three.len() { '=' } else { digit(n) }));
            }
            text
        };
        let prime = coded(own.prime());
        assert_eq!(base64(&prime).unwrap(), own.prime());
        // As GnuGk writes it, the generator is followed by whatever was there.
        let generator = coded(&[&[2][..], &[0x77; 255]].concat());
        let file = format!("[0.0.8.235.0.3.45]\nPRIME={prime}\nGENERATOR={generator}\n");
        assert_eq!(one(file.as_bytes()), own);
        assert_eq!(one(file.replace(&generator, "Ag==").as_bytes()), own);
        let (groups, faults) = read(format!("{file}PUBLIC=AAAA\n").as_bytes());
        assert_eq!(groups, [own]);
        assert_eq!((faults[0].line, faults[0].serious), (4, false), "{faults:?}");
        for (from, to, why) in [
            ("3.45", "3.46", "1: [0.0.8.235.0.3.46] is the identifier of no group"),
            ("3.45", "3.43", "2: a group of 2048 bits in the section of 1024"),
            ("GENERATOR", "X", "3: 'X' is neither"),
            ("PRIME=", "PRIME=*", "2: PRIME is not"),
        ] {
            let (groups, faults) = read(file.replace(from, to).as_bytes());
            assert!(groups.is_empty(), "{why}");
            let said = format!("{}: {}", faults[0].line, faults[0].text);
            assert!(said.starts_with(why), "{said}");
        }
    }
}
