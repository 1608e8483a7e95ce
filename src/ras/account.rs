//! AccHTTPLink: a page about its account, told to an endpoint that registers.

use std::fmt::Write as _;

use pinhole_h323::asn::h225::{
    ServiceControlDescriptor, ServiceControlSession, ServiceControlSessionReason,
};

/// The longest address (H.225.0 ServiceControlDescriptor), in characters.
const LONGEST: usize = 512;

/// The session of service control that names the page; nothing when its address becomes too long.
pub(super) fn session(link: &str, alias: &str) -> Option<ServiceControlSession> {
    let url = link.replace("%a", &escaped(alias)).replace("%p", "");
    (url.len() <= LONGEST).then(|| ServiceControlSession {
        session_id: 0,
        contents: Some(ServiceControlDescriptor::url(url.as_str().into())),
        reason: ServiceControlSessionReason::open(()),
        unknown_ext: None,
    })
}

/// A text as part of an address: an alias can be anything (RFC 3986 §2.1).
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for octet in text.bytes() {
        match octet {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(octet));
            }
            _ => {
                // Writing to a String does not fail.
                let _ = write!(out, "%{octet:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(link: &str, alias: &str) -> Option<String> {
        match session(link, alias)?.contents? {
            ServiceControlDescriptor::url(url) => Some(url.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_alias_is_put_in_as_part_of_an_address() {
        let link = "http://a.example/?u=%a&p=%p";
        assert_eq!(url(link, "bob").as_deref(), Some("http://a.example/?u=bob&p="));
        let odd = url(link, "a b&p=x/%a\u{e9}");
        assert_eq!(odd.as_deref(), Some("http://a.example/?u=a%20b%26p%3Dx%2F%25a%C3%A9&p="));
        assert_eq!(url(link, &"x".repeat(LONGEST)), None);
    }
}
