//! What is played, in its order.

use std::net::SocketAddr;
use std::time::Duration;

use pinhole::event::Event;
use pinhole::firewall::Drops;
use serde_json::json;
use tokio::sync::mpsc;

use super::cast::{self, HOLD, Keeper, Player, Role, Town};
use super::judge::{self, Act};
use super::stranger::Stranger;
use super::tell::{Teller, Who};

/// What becomes of media.
const MEDIA: &str = "encrypted through the firewall (H.235.6), by the gatekeeper on behalf of the outside phone, which cannot";

/// How long anything that should happen may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long what was sent on one machine may be under way.
const UNDER_WAY: Duration = Duration::from_millis(100);

/// The calls.
const ACTS: [Act; 2] = [
    Act { caller: Who::Outside, called: Who::Inside, tones: [440.0, 660.0], tunnelling: true },
    Act { caller: Who::Inside, called: Who::Outside, tones: [523.0, 784.0], tunnelling: false },
];

/// The demo as it goes on.
pub(super) struct Story {
    town: Town,
    teller: Teller,
    mouth: cast::Mouth,
    ear: mpsc::UnboundedReceiver<(Who, Event)>,
    /// What was told since the act began.
    heard: Vec<(Who, Event)>,
    /// What was not as it should be.
    faults: Vec<String>,
    /// What the firewall dropped, and what the stranger sent there.
    drops: Drops,
    uninvited: u64,
    /// Registrations and calls that began, less those that ended, as the gatekeeper tells.
    standing: i64,
}

impl Story {
    /// # Errors
    /// When the machine has not what it needs.
    pub(super) fn new(teller: Teller) -> Result<Self, String> {
        let (mouth, ear) = mpsc::unbounded_channel();
        Ok(Self {
            town: Town::new()?,
            teller,
            mouth,
            ear,
            heard: Vec::new(),
            faults: Vec::new(),
            drops: Drops::default(),
            uninvited: 0,
            standing: 0,
        })
    }

    /// Plays it all; true if all was as it should be.
    ///
    /// # Errors
    /// When it cannot begin.
    pub(super) async fn play(mut self) -> Result<bool, String> {
        self.introduce();
        let sockets = open_sockets();
        let keeper = Keeper::new(self.town.gatekeeper)?;
        let stranger = Stranger::new(self.town.stranger).map_err(|error| error.to_string())?;
        let gatekeeper = keeper.start(self.mouth.clone())?;
        for act in &ACTS {
            self.act(act, keeper, &stranger).await;
        }
        self.gone(Who::Gatekeeper, gatekeeper.dismiss().await);
        drop(stranger);
        self.count_leftovers(sockets).await;
        Ok(self.verdict())
    }

    fn introduce(&self) {
        let Town { gatekeeper, firewall, outside, stranger, inside, .. } = &self.town;
        for line in [
            "A call each way through a firewall, on this machine, without root.".to_owned(),
            String::new(),
            format!("  gatekeeper     {gatekeeper:<11} Pinhole, with the nat.ini of the README"),
            format!("  outside phone  {outside:<11} an ordinary H.323 endpoint, without traversal"),
            format!(
                "  inside phone   {inside:<11} a private address that nobody outside can reach"
            ),
            format!(
                "  firewall       {firewall:<11} in front of it, simulated: a symmetric NAT that lets only outwards"
            ),
            format!("  stranger       {stranger:<11} somebody outside whom nobody has invited"),
            String::new(),
            format!("  media: {MEDIA}"),
        ] {
            self.teller.heading(&line);
        }
        let fields = json!({
            "gatekeeper": gatekeeper, "outside": outside, "inside": inside,
            "firewall": firewall, "stranger": stranger, "media": "half-call",
        });
        self.teller.aside(Who::Demo, "setting", fields, &format!("media: {MEDIA}"));
    }

    /// One call, from the registrations to the end of both phones.
    async fn act(&mut self, act: &Act, keeper: Keeper, stranger: &Stranger) {
        self.heard.clear();
        let way =
            if act.tunnelling { "inside call signalling" } else { "on a connection of its own" };
        let text =
            format!("The {} calls the {}; H.245 {way}.", act.caller.name(), act.called.name());
        self.teller.heading(&format!("\n{text}"));
        let (from, to) = (cast::alias(act.caller), cast::alias(act.called));
        let fields = json!({"from": from, "to": to, "h245": if act.tunnelling { "tunnel" } else { "separate" }});
        self.teller.aside(Who::Demo, "act", fields, &text);

        let called = self.start(act, act.called, keeper);
        let told = self.registration(act.called).await;
        if act.called == Who::Inside {
            self.obstruct(called.drops.as_ref(), told, keeper, stranger).await;
        }
        let caller = self.start(act, act.caller, keeper);
        let drops = caller.drops.clone().or_else(|| called.drops.clone());
        self.intrude(stranger).await;
        let over = |heard: &[(Who, Event)]| {
            let ended = heard.iter().filter(|(_, event)| matches!(event, Event::CallEnded(_)));
            (ended.count() >= 3).then_some(())
        };
        self.until("the end of the call", HOLD + PATIENCE, over).await;
        self.gone(act.caller, caller.leaves().await);
        self.gone(act.called, called.dismiss().await);
        self.catch_up();
        if let Some(drops) = drops {
            self.count_drops(*drops.borrow());
        }
        self.faults.extend(act.faults(self.town.firewall, &self.heard));
    }

    fn start(&self, act: &Act, who: Who, keeper: Keeper) -> Player {
        let calls = (who == act.caller).then_some(cast::alias(act.called));
        let role = Role { who, tone: act.tone(who), tunnelling: act.tunnelling, calls };
        self.teller.say(
            who,
            "starts",
            json!({"tone_hz": role.tone}),
            &format!("starts, and will play a tone of {} Hz", role.tone),
        );
        cast::phone(&self.town, keeper, &role, self.mouth.clone())
    }

    /// Waits until the gatekeeper and the phone say that the phone is registered; from where the gatekeeper sees it.
    async fn registration(&mut self, who: Who) -> Option<SocketAddr> {
        let registered = |heard: &[(Who, Event)]| {
            let by = |by| {
                heard.iter().find_map(|(w, event)| match event {
                    Event::Registered { peer, alias, .. }
                        if *w == by && alias == cast::alias(who) =>
                    {
                        Some(*peer)
                    }
                    _ => None,
                })
            };
            by(who).and_then(|_| by(Who::Gatekeeper))
        };
        self.until("a registration", PATIENCE, registered).await
    }

    /// Proves that the firewall obstructs: what is sent to the inside phone from outside does not get there.
    async fn obstruct(
        &mut self,
        drops: Option<&tokio::sync::watch::Receiver<Drops>>,
        pinhole: Option<SocketAddr>,
        keeper: Keeper,
        stranger: &Stranger,
    ) {
        let (Some(drops), Some(pinhole)) = (drops, pinhole) else { return };
        let before = drops.borrow().uninvited;
        self.intrusion(stranger, pinhole, "from where the inside phone is registered");
        let mut drops = drops.clone();
        let dropped = drops.wait_for(|drops| drops.uninvited > before);
        let dropped = tokio::time::timeout(PATIENCE, dropped).await.is_ok_and(|seen| seen.is_ok());
        let text = if dropped { "dropped it" } else { "PROBLEM: let it in" };
        self.teller.say(Who::Firewall, "probe", json!({"udp": pinhole, "dropped": dropped}), text);
        self.check(dropped, "the firewall let a datagram in");

        // The port of the inside phone's signalling, on the only address that the outside knows.
        let door = SocketAddr::new(self.town.firewall, pinhole::phone::options::Destination::PORT);
        self.knock(stranger, door, "where the inside phone would listen", false).await;
        self.knock(stranger, keeper.signalling, "the gatekeeper, open to anybody", true).await;
    }

    /// The stranger tries to open a connection.
    async fn knock(&mut self, stranger: &Stranger, door: SocketAddr, whose: &str, open: bool) {
        let result = stranger.connect(door).await;
        let said = match &result {
            Ok(()) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        };
        let problem = if result.is_ok() == open { "" } else { "PROBLEM: " };
        let text = format!("{problem}tries to connect to {door}, {whose}: {said}");
        let fields = json!({"tcp": door, "connected": result.is_ok()});
        self.teller.say(Who::Stranger, "probe", fields, &text);
        self.check(result.is_ok() == open, &format!("a connection to {door}: {said}"));
    }

    /// During the call, the stranger sends to where the media of the inside phone comes from.
    async fn intrude(&mut self, stranger: &Stranger) {
        let learned = |heard: &[(Who, Event)]| {
            heard.iter().find_map(|(_, event)| match event {
                Event::MediaLearned { from, kind: "rtp", .. } => Some(*from),
                _ => None,
            })
        };
        if let Some(media) = self.until("media from behind the firewall", PATIENCE, learned).await {
            self.intrusion(stranger, media, "from where its media comes");
        }
    }

    fn intrusion(&mut self, stranger: &Stranger, to: SocketAddr, what: &str) {
        let sent = stranger.send(to);
        self.uninvited += 1;
        self.check(sent.is_ok(), "the stranger could not send");
        let text = format!("sends a datagram to {to}, {what}");
        self.teller.say(Who::Stranger, "intrusion", json!({"udp": to}), &text);
    }

    /// Hears events until something is found among those of the act.
    async fn until<T>(
        &mut self,
        what: &str,
        patience: Duration,
        found: impl Fn(&[(Who, Event)]) -> Option<T>,
    ) -> Option<T> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            if let Some(found) = found(&self.heard) {
                return Some(found);
            }
            let Ok(Some((who, event))) = tokio::time::timeout_at(deadline, self.ear.recv()).await
            else {
                self.check(false, &format!("{what} did not come in {} s", patience.as_secs()));
                return None;
            };
            self.hear(who, event);
        }
    }

    fn hear(&mut self, who: Who, event: Event) {
        self.teller.event(who, &event);
        self.faults.extend(judge::fault(who, &event));
        if who == Who::Gatekeeper {
            self.standing += match event {
                Event::Registered { .. } | Event::CallStarted { .. } => 1,
                Event::Unregistered { .. } | Event::CallEnded(_) => -1,
                _ => 0,
            };
        }
        self.heard.push((who, event));
    }

    /// Hears what is told already.
    fn catch_up(&mut self) {
        while let Ok((who, event)) = self.ear.try_recv() {
            self.hear(who, event);
        }
    }

    fn gone(&mut self, who: Who, properly: bool) {
        self.catch_up();
        self.check(properly, &format!("the {} did not take leave", who.name()));
    }

    fn count_drops(&mut self, drops: Drops) {
        self.drops.uninvited += drops.uninvited;
        self.drops.refused += drops.refused;
    }

    /// Everybody has left: nothing may have stayed.
    async fn count_leftovers(&mut self, before: Option<usize>) {
        let Drops { uninvited, refused, .. } = self.drops;
        let text = format!(
            "dropped {uninvited} uninvited datagrams; the stranger sent {}; everything else passed",
            self.uninvited
        );
        self.teller.heading("");
        let fields = json!({"dropped": uninvited, "sent": self.uninvited, "refused": refused});
        self.teller.say(Who::Firewall, "drops", fields, &text);
        self.check(
            uninvited == self.uninvited,
            "the firewall dropped more or less than was uninvited",
        );
        self.check(refused == 0, "the firewall had no way out for packets from inside");

        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut after = open_sockets();
        while after > before && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(UNDER_WAY).await;
            after = open_sockets();
        }
        let sockets = after.unwrap_or(0).saturating_sub(before.unwrap_or(0));
        let text =
            format!("left over: {} registrations and calls, {sockets} sockets", self.standing);
        let fields = json!({"standing": self.standing, "sockets": sockets});
        self.teller.say(Who::Demo, "left-over", fields, &text);
        self.check(self.standing == 0 && sockets == 0, "something was left over");
    }

    fn verdict(&self) -> bool {
        let good = self.faults.is_empty();
        let text = if good {
            "all as it should be: both calls passed the firewall, and each phone heard the other's tone"
                .to_owned()
        } else {
            format!("NOT as it should be: {}", self.faults.join("; "))
        };
        let fields = json!({"ok": good, "faults": self.faults});
        self.teller.say(Who::Demo, "verdict", fields, &format!("verdict: {text}"));
        good
    }

    fn check(&mut self, good: bool, fault: &str) {
        if !good {
            self.faults.push(fault.to_owned());
        }
    }
}

/// How many sockets this process has open, where the system tells.
fn open_sockets() -> Option<usize> {
    let open = std::fs::read_dir("/proc/self/fd").ok()?;
    let links = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    Some(links.filter(|link| link.to_string_lossy().starts_with("socket:")).count())
}
