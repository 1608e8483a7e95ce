//! ExternalIP by name.

use super::*;
use crate::face::Question;

/// Somebody outside, and somebody inside.
const OUTSIDE: &str = "192.0.2.77";
const INSIDE: &str = "10.9.9.9";

/// A gatekeeper at 10.0.0.2 whose router has a name, and what it asks.
struct Home {
    node: Node,
    now: Instant,
    asked: usize,
    told: Vec<String>,
}

impl Home {
    #[expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]
    fn new() -> Self {
        let now = Instant::now();
        let (config, problems) = pinhole_config::Config::read(
            "[Gatekeeper::Main]\nExternalIP=home.example.org\n[Proxy]\nEnable=1\n",
        );
        assert_eq!(problems, []);
        let local = "10.0.0.2".parse().unwrap();
        let node = Node::new(Settings::from(&config), vec![local], [1; 32], now);
        let mut home = Self { node, now, asked: 0, told: Vec::new() };
        home.drain();
        home
    }

    fn drain(&mut self) {
        loop {
            match self.node.poll_output() {
                Output::Timeout(_) => return,
                Output::Ask { question: Question::Addresses { hosts }, .. } => {
                    assert_eq!(hosts, [("home.example.org".to_owned(), 0)]);
                    self.asked += 1;
                }
                Output::Event(Event::ExternalAddress { sentence, .. }) => self.told.push(sentence),
                _ => {}
            }
        }
    }

    /// The answer to its last question.
    fn is(&mut self, addresses: &[&str]) {
        let addresses = addresses.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0));
        let answer = Some(Answer::Addresses(addresses.collect()));
        let id = crate::node::external::QUESTION;
        self.node.handle_input(self.now, Input::Answer { id, answer });
        self.drain();
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.node.handle_input(self.now, Input::Timeout);
        self.drain();
    }

    /// The signalling address that a peer is told.
    fn tells(&self, peer: &str) -> String {
        let local = "10.0.0.2".parse().unwrap();
        self.node.core.signalling_at(local, peer.parse().unwrap()).to_string()
    }
}

#[test]
fn a_name_is_looked_up_again_and_followed() {
    let mut home = Home::new();
    assert_eq!(home.asked, 1);
    assert_eq!(home.tells(OUTSIDE), "10.0.0.2:1720");
    home.is(&["203.0.113.9"]);
    assert_eq!(home.tells(OUTSIDE), "203.0.113.9:1720");
    assert_eq!(home.tells(INSIDE), "10.0.0.2:1720");
    home.wait(59);
    assert_eq!(home.asked, 1);
    home.wait(1);
    assert_eq!(home.asked, 2);
    home.is(&["203.0.113.77"]);
    assert_eq!(home.tells(OUTSIDE), "203.0.113.77:1720");
    assert_eq!(home.told.len(), 2, "{:?}", home.told);
    // Nobody calls what is ours now.
    let own = Settings::default().signalling_port;
    let call = |ip: &str| {
        let named = Some(SocketAddr::new(ip.parse().unwrap(), own));
        crate::ras::destination::resolve(&home.node.core, std::iter::empty(), named)
    };
    assert!(call("203.0.113.77").is_none() && call("203.0.113.9").is_some());
}

#[test]
fn a_name_that_is_lost_is_asked_for_soon_and_the_known_address_stays() {
    let mut home = Home::new();
    home.is(&[]);
    assert!(home.told[0].contains("home.example.org has no address"), "{:?}", home.told);
    for n in 2..5 {
        home.wait(5);
        assert_eq!(home.asked, n);
        home.is(&[]);
    }
    assert_eq!(home.told.len(), 1, "that is no news");
    // Of another kind than its own addresses, or of nobody.
    home.wait(5);
    home.is(&["2001:db8::1", "0.0.0.0", "224.0.0.1", "203.0.113.9", "203.0.113.10"]);
    assert_eq!(home.tells(OUTSIDE), "203.0.113.9:1720");
    // In another order the same.
    home.wait(60);
    home.is(&["203.0.113.10", "203.0.113.9"]);
    assert_eq!(home.tells(OUTSIDE), "203.0.113.9:1720");
    home.wait(60);
    home.is(&[]);
    assert_eq!(home.tells(OUTSIDE), "203.0.113.9:1720");
    assert_eq!(home.told.len(), 3, "{:?}", home.told);
    // A question that nobody answers is asked again.
    let asked = home.asked;
    home.wait(60);
    home.wait(60);
    assert_eq!(home.asked, asked + 2);
}
