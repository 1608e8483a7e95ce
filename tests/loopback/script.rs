//! Agents written down in a few lines, and a stage for them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use pinhole::face::{Agent, Bind, Input, Outbox, Output};
use pinhole::net::{Driver, Limits, stopper};
use tokio::sync::mpsc;

/// Where all of it happens.
pub(crate) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// An agent that is one function; it has no time.
pub(crate) struct Script<F> {
    out: Outbox,
    act: F,
}

impl<F: FnMut(&mut Outbox, Input<'_>)> Agent for Script<F> {
    fn handle_input(&mut self, _: std::time::Instant, input: Input<'_>) {
        // No script asks for the time.
        if !matches!(input, Input::Clock { .. }) {
            (self.act)(&mut self.out, input);
        }
    }

    fn poll_output(&mut self) -> Output {
        self.out.pop().unwrap_or(Output::Timeout(None))
    }
}

/// An agent that begins with `first` and answers each input by `act`.
pub(crate) fn script(
    first: impl IntoIterator<Item = Output>,
    act: impl FnMut(&mut Outbox, Input<'_>) + 'static,
) -> Box<dyn Agent> {
    let mut out = Outbox::default();
    first.into_iter().for_each(|output| out.push(output));
    Box::new(Script { out, act })
}

/// Asks for any port of loopback.
pub(crate) fn any(bind: Bind) -> Output {
    Output::Bind { bind, ip: HERE, ports: 0..=0, class: 0 }
}

/// Tells the test what happened in an agent.
pub(crate) type Teller = mpsc::UnboundedSender<Told>;

/// Hears it.
pub(crate) struct Ear(mpsc::UnboundedReceiver<Told>);

/// An input, as the test gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// The answer to a bind.
    Bound(Bind, Option<SocketAddr>),
    /// The peer of a connection that was accepted.
    Accepted(SocketAddr),
    /// Our end of a connection that we opened.
    Connected(SocketAddr),
    /// How many octets arrived on a connection.
    Bytes(usize),
    /// A connection ended.
    Closed,
    /// A connection could not be made for want of a port, or of room.
    NoRoom,
    /// Anything else.
    Other(String),
}

/// A teller and the ear that hears it.
pub(crate) fn grapevine() -> (Teller, Ear) {
    let (teller, ear) = mpsc::unbounded_channel();
    (teller, Ear(ear))
}

/// Tells an input.
pub(crate) fn tell(teller: &Teller, input: &Input<'_>) {
    let told = match input {
        Input::Bound { bind, at } => Told::Bound(*bind, *at),
        Input::Accepted { peer, .. } => Told::Accepted(*peer),
        Input::Connected { local, .. } => Told::Connected(*local),
        Input::Bytes { bytes, .. } => Told::Bytes(bytes.len()),
        Input::Closed { .. } => Told::Closed,
        Input::NoRoom { .. } => Told::NoRoom,
        other => Told::Other(format!("{other:?}")),
    };
    let _ = teller.send(told);
}

impl Ear {
    /// The next thing told.
    pub(crate) async fn next(&mut self) -> Told {
        self.0.recv().await.expect("the agent is alive")
    }

    /// Where the next thing told says that a bind stands.
    pub(crate) async fn bound(&mut self) -> SocketAddr {
        match self.next().await {
            Told::Bound(_, Some(at)) => at,
            told => panic!("not bound: {told:?}"),
        }
    }

    /// What has been told and not heard.
    pub(crate) fn rest(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

/// Drives an agent while `scene` plays.
pub(crate) async fn play(agent: Box<dyn Agent>, scene: impl Future<Output = ()>) {
    play_within(Limits::default(), agent, scene).await;
}

/// Drives an agent within limits while `scene` plays.
pub(crate) async fn play_within(
    limits: Limits,
    agent: Box<dyn Agent>,
    scene: impl Future<Output = ()>,
) {
    let (_stopper, stop) = stopper();
    tokio::select! {
        ended = Driver::start(agent, limits, |_| {}).run(stop) => panic!("the agent ended: {ended:?}"),
        scene = tokio::time::timeout(Duration::from_secs(20), scene) => scene.expect("in time"),
    }
}

/// A moment in which what should not happen would.
pub(crate) async fn moment() {
    tokio::time::sleep(Duration::from_millis(150)).await;
}
