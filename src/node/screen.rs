//! What the configuration puts in the place of what a caller says of itself, and of what is displayed.

use pinhole_config::Config;
use pinhole_h323::alias::Alias;

/// What is put in the place of names and numbers in call signalling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Screen {
    /// What the Display element says.
    pub display: Option<Display>,
    /// What stands before it and after it, unless it is taken out.
    pub around_display: [String; 2],
    /// The calling number.
    pub number: Option<CallingNumber>,
    /// What stands before and after a number of a registered caller.
    pub around_number: [String; 2],
    /// The only source address.
    pub source: Option<Alias>,
    /// Whether the called number of Q.931 is that of the called aliases.
    pub called_from_alias: bool,
    /// Whether a call that is sent on says who sends it on as its caller.
    pub shows_forwarder: bool,
}

/// What the Display element says (Q.931 §4.5.16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Display {
    /// It is taken out.
    Nothing,
    /// This.
    Text(String),
    /// The number of who sends it, of the caller and of the called party.
    Station([bool; 2]),
}

/// What the calling number is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallingNumber {
    /// This.
    Text(String),
    /// The first number, or else the first alias, under which the caller is registered.
    Registered,
}

impl From<&Config> for Screen {
    fn from(config: &Config) -> Self {
        let (routed, proxy) = (&config.routed, &config.proxy);
        let text = |name: &Option<pinhole_config::Name>| {
            name.as_ref().map(|name| name.0.clone()).unwrap_or_default()
        };
        let some = |name| Some(text(name)).filter(|text| !text.is_empty());
        Self {
            display: some(&routed.screen_display).map(|text| {
                match text.to_ascii_lowercase().as_str() {
                    "calling" => Display::Station([true, false]),
                    "called" => Display::Station([false, true]),
                    "callingcalled" => Display::Station([true, true]),
                    "delete" => Display::Nothing,
                    _ => Display::Text(text),
                }
            }),
            around_display: [text(&routed.prepend_display), text(&routed.append_display)],
            number: some(&routed.screen_number).map(|text| {
                match text.eq_ignore_ascii_case("RegisteredAlias") {
                    true => CallingNumber::Registered,
                    false => CallingNumber::Text(text),
                }
            }),
            around_number: [text(&routed.prepend_number), text(&routed.append_number)],
            source: some(&routed.screen_source).map(|text| Alias::from_text(&text)),
            called_from_alias: routed.called_from_alias || proxy.called_from_alias,
            shows_forwarder: routed.show_forwarder,
        }
    }
}
