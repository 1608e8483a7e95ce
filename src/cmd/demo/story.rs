//! What is played, in its order.

use std::net::SocketAddr;
use std::time::Duration;

use pinhole::event::Event;
use pinhole::firewall::Drops;
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::cast::{self, HOLD, Keeper, Player, Role, Town};
use super::judge::{self, Act};
use super::stranger::Stranger;
use super::tell::{Teller, Who};

/// What becomes of media.
const MEDIA: &str = "encrypted through the firewall (H.235.6), by each Pinhole on behalf of its phone, which cannot";

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
    /// Registrations and calls that began, less those that ended, as both Pinholes tell.
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
        let outer = Keeper::new(Who::Outer, self.town.outer)?;
        let inner = Keeper::new(Who::Inner, self.town.inner)?;
        let stranger = Stranger::new(self.town.stranger).map_err(|error| error.to_string())?;
        self.teller.heading("\nThe zone.");
        let server = outer.start(&self.town, outer, self.mouth.clone())?;
        let client = inner.start(&self.town, outer, self.mouth.clone())?;
        let told = self.zone().await;
        self.obstruct(client.drops.as_ref(), told, [outer, inner], &stranger).await;
        for act in &ACTS {
            self.act(act, [outer, inner], &stranger).await;
        }
        let drops = client.drops.clone();
        self.gone(Who::Inner, client.dismiss().await);
        self.count_drops(drops);
        self.gone(Who::Outer, server.dismiss().await);
        drop(stranger);
        self.count_leftovers(sockets).await;
        Ok(self.verdict())
    }

    fn introduce(&self) {
        let Town { outer, firewall, outside, stranger, inner, inside, .. } = &self.town;
        for line in [
            "A call each way through a firewall, on this machine, without root.".to_owned(),
            String::new(),
            format!("  outside Pinhole  {outer:<11} the server of a traversal zone"),
            format!(
                "  outside phone    {outside:<11} an ordinary H.323 endpoint, without traversal"
            ),
            format!(
                "  inside Pinhole   {inner:<11} the client of the zone; nobody outside can reach it"
            ),
            format!("  inside phone     {inside:<11} another ordinary endpoint; neither can it be"),
            format!(
                "  firewall         {firewall:<11} in front of them, simulated: a symmetric NAT that lets only outwards"
            ),
            format!("  stranger         {stranger:<11} somebody outside whom nobody has invited"),
            String::new(),
            format!("  media: {MEDIA}"),
        ] {
            self.teller.heading(&line);
        }
        let fields = json!({
            "outside_pinhole": outer, "outside": outside, "inside_pinhole": inner, "inside": inside,
            "firewall": firewall, "stranger": stranger, "media": "half-call",
        });
        self.teller.aside(Who::Demo, "setting", fields, &format!("media: {MEDIA}"));
    }

    /// One call, from the registrations to the end of both phones.
    async fn act(&mut self, act: &Act, keepers: [Keeper; 2], stranger: &Stranger) {
        self.heard.clear();
        let way =
            if act.tunnelling { "inside call signalling" } else { "on a connection of its own" };
        let text =
            format!("The {} calls the {}; H.245 {way}.", act.caller.name(), act.called.name());
        self.teller.heading(&format!("\n{text}"));
        let (from, to) = (cast::alias(act.caller), cast::alias(act.called));
        let fields = json!({"from": from, "to": to, "h245": if act.tunnelling { "tunnel" } else { "separate" }});
        self.teller.aside(Who::Demo, "act", fields, &text);

        let called = self.start(act, act.called, keepers);
        self.registration(act.called).await;
        let caller = self.start(act, act.caller, keepers);
        let drops = caller.drops.clone().or_else(|| called.drops.clone());
        self.intrude(stranger).await;
        let over = |heard: &[(Who, Event)]| {
            let ended = heard.iter().filter(|(_, event)| matches!(event, Event::CallEnded(_)));
            (ended.count() >= 4).then_some(())
        };
        self.until("the end of the call", HOLD + PATIENCE, over).await;
        self.gone(act.caller, caller.leaves().await);
        self.gone(act.called, called.dismiss().await);
        self.catch_up();
        self.count_drops(drops);
        self.faults.extend(act.faults(self.town.firewall, &self.heard));
    }

    fn start(&self, act: &Act, who: Who, [outer, inner]: [Keeper; 2]) -> Player {
        let keeper = if who == Who::Inside { inner } else { outer };
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

    /// Waits until both Pinholes say that the zone is up; from where the outside one sees the other.
    async fn zone(&mut self) -> Option<SocketAddr> {
        let up = |heard: &[(Who, Event)]| {
            let by = |by| {
                heard.iter().find_map(|(w, event)| match event {
                    Event::Zone { state: "up", peer, .. } if *w == by => *peer,
                    _ => None,
                })
            };
            by(Who::Inner).and_then(|_| by(Who::Outer))
        };
        self.until("the zone", PATIENCE, up).await
    }

    /// Waits until a phone and its Pinhole say that it is registered.
    async fn registration(&mut self, who: Who) {
        let keeper = if who == Who::Inside { Who::Inner } else { Who::Outer };
        let registered = |heard: &[(Who, Event)]| {
            let by = |by| {
                heard.iter().any(|(w, event)| match event {
                    Event::Registered { alias, .. } => *w == by && alias == cast::alias(who),
                    _ => false,
                })
            };
            (by(who) && by(keeper)).then_some(())
        };
        self.until("a registration", PATIENCE, registered).await;
    }

    /// Proves that the firewall obstructs: what is sent inwards from outside does not get there.
    async fn obstruct(
        &mut self,
        drops: Option<&watch::Receiver<Drops>>,
        pinhole: Option<SocketAddr>,
        [outer, inner]: [Keeper; 2],
        stranger: &Stranger,
    ) {
        let (Some(drops), Some(pinhole)) = (drops, pinhole) else { return };
        self.probe(stranger, drops, pinhole, "from where the inside Pinhole is seen").await;
        self.probe(stranger, drops, inner.ras, "the inside Pinhole's own address").await;
        // The port of the inside Pinhole's signalling, on the only address that the outside knows.
        let door = SocketAddr::new(self.town.firewall, inner.signalling.port());
        self.knock(stranger, door, "where the inside Pinhole would listen", false).await;
        self.knock(stranger, outer.signalling, "the outside Pinhole, open to anybody", true).await;
    }

    /// The stranger sends a datagram that the firewall has to drop.
    async fn probe(
        &mut self,
        stranger: &Stranger,
        drops: &watch::Receiver<Drops>,
        to: SocketAddr,
        what: &str,
    ) {
        let before = drops.borrow().uninvited;
        self.intrusion(stranger, to, what);
        let mut drops = drops.clone();
        let dropped = drops.wait_for(|drops| drops.uninvited > before);
        let dropped = tokio::time::timeout(PATIENCE, dropped).await.is_ok_and(|seen| seen.is_ok());
        let text = if dropped { "dropped it" } else { "PROBLEM: let it in" };
        self.teller.say(Who::Firewall, "probe", json!({"udp": to, "dropped": dropped}), text);
        self.check(dropped, "the firewall let a datagram in");
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

    /// During the call, the stranger sends to where media comes from inside.
    async fn intrude(&mut self, stranger: &Stranger) {
        let firewall = self.town.firewall;
        let learned = |heard: &[(Who, Event)]| {
            heard.iter().find_map(|(_, event)| match event {
                Event::MediaLearned { from, kind: "rtp", .. } if from.ip() == firewall => {
                    Some(*from)
                }
                _ => None,
            })
        };
        if let Some(media) = self.until("media from behind the firewall", PATIENCE, learned).await {
            self.intrusion(stranger, media, "from where media comes");
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
        if matches!(who, Who::Outer | Who::Inner) {
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

    fn count_drops(&mut self, drops: Option<watch::Receiver<Drops>>) {
        let Some(drops) = drops.map(|drops| *drops.borrow()) else { return };
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
