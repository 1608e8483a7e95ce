//! H.245 of a call, said by hand: two plain endpoints, or a client behind a NAT and a plain endpoint.

use pinhole_h323::signal::Leg;
use pinhole_h323::{Control, Signal, tpkt};

use super::fast_start::{self, CONNECT};
use super::*;
use crate::event::Event;
use crate::face::{FlowCommand, Party, Side};

/// A call that is talking, and tunnels.
pub(super) struct Talk {
    pub(super) desk: Desk,
    pub(super) streams: [StreamId; 2],
    setup: Signal,
}

/// What came of one message.
pub(super) struct Said {
    /// What the other party got.
    pub(super) forward: Option<Vec<u8>>,
    /// What the sender got.
    pub(super) reply: Option<Vec<u8>>,
    /// Everything.
    pub(super) outputs: Vec<Output>,
}

impl Said {
    /// The message that the other party got.
    pub(super) fn forwarded(&self) -> Control {
        let octets = self.forward.as_ref();
        Control::decode(octets.unwrap_or_else(|| panic!("nothing: {:?}", self.outputs))).unwrap()
    }

    /// The message that the sender got.
    pub(super) fn replied(&self) -> Control {
        let octets = self.reply.as_ref();
        Control::decode(octets.unwrap_or_else(|| panic!("nothing: {:?}", self.outputs))).unwrap()
    }

    /// How many flows were opened and how many closed.
    pub(super) fn flows(&self) -> (usize, usize) {
        let count = |wanted: fn(&FlowCommand) -> bool| {
            let flow = |o: &&Output| matches!(o, Output::Flow(command) if wanted(command));
            self.outputs.iter().filter(flow).count()
        };
        (
            count(|command| matches!(command, FlowCommand::Open { .. })),
            count(|command| matches!(command, FlowCommand::Close { .. })),
        )
    }

    /// What was told of the parties' media.
    pub(super) fn parties(&self) -> Vec<(Side, Party)> {
        let told = self.outputs.iter().filter_map(|output| match output {
            Output::Flow(FlowCommand::Party { side, party, .. }) => Some((*side, *party)),
            _ => None,
        });
        told.collect()
    }

    /// The refusal that people are told of: the cause and the sentence.
    pub(super) fn refusal(&self) -> Option<(&'static str, &str)> {
        self.outputs.iter().find_map(|output| match output {
            Output::Event(Event::ChannelRefused { cause, sentence, .. }) => {
                Some((*cause, sentence.as_str()))
            }
            _ => None,
        })
    }
}

/// The H.245 that was tunnelled on a stream.
fn tunnelled(outputs: &[Output], on: StreamId) -> Option<Vec<u8>> {
    outputs.iter().find_map(|output| match output {
        Output::Send { stream, bytes } if *stream == on => {
            let signal = Signal::decode(tpkt::split_first(bytes).unwrap().unwrap().0).unwrap();
            signal.h245_control().first().map(|octets| octets.to_vec())
        }
        _ => None,
    })
}

impl Talk {
    /// Two plain endpoints on the open net, 198.51.100.10 and 198.51.100.20.
    pub(super) fn plain() -> Self {
        Self::plain_with(Settings::default())
    }

    /// The same with other settings.
    pub(super) fn plain_with(settings: Settings) -> Self {
        let mut line = fast_start::call_with(settings);
        let mut connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
        connect.set_fast_start(Vec::new());
        let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
        line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
        Self { desk: line.desk, streams: [line.caller, line.called], setup: line.setup }
    }

    /// A client behind a NAT, at 203.0.113.9, calls a plain endpoint at 198.51.100.20.
    pub(super) fn of_client(multiplex_port: Option<u16>) -> Self {
        let line = multiplexed::line(multiplex_port);
        Self { desk: line.desk, streams: [line.caller, line.called], setup: line.setup }
    }

    /// What carries a message of a party.
    pub(super) fn message(&self, from: Side, message: &[u8]) -> Vec<u8> {
        let leg = Leg {
            crv: self.setup.q931().crv(),
            from_destination: from == Side::B,
            call_id: self.setup.call_id().unwrap(),
            tunnelling: true,
        };
        let mut signal = Signal::transport(leg);
        signal.set_h245_control(vec![message.to_vec()]);
        tpkt::wrap(&signal.encode().unwrap()).unwrap()
    }

    /// A party says this.
    pub(super) fn say(&mut self, from: Side, message: &[u8]) -> Said {
        let (stream, bytes) = (self.streams[from.index()], self.message(from, message));
        let outputs = self.desk.tell(Input::Bytes { stream, bytes: &bytes });
        Said {
            forward: tunnelled(&outputs, self.streams[from.other().index()]),
            reply: tunnelled(&outputs, stream),
            outputs,
        }
    }

    /// The same, of a message.
    pub(super) fn tell(&mut self, from: Side, message: &Control) -> Said {
        self.say(from, &message.encode().unwrap())
    }
}
