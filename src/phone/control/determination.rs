//! Master and slave: who decides conflicts (H.245 §8.2, annex C.2).

use pinhole_h323::asn::h245::{
    MasterSlaveDetermination, MasterSlaveDeterminationAck, MasterSlaveDeterminationAckDecision,
    MasterSlaveDeterminationReject, MasterSlaveDeterminationRejectCause,
    MultimediaSystemControlMessage, RequestMessage, ResponseMessage,
};

use crate::phone::options::Options;

/// What we are unless the operator says otherwise.
const TERMINAL: u8 = Options::TERMINAL;

/// Rounds with equal numbers before we give up (H.245 counter N100).
const MOST_ROUNDS: u8 = 10;

/// What a determination number is taken modulo of.
const MODULUS: u32 = 1 << 24;

/// Who is master.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Role {
    /// We are.
    Master,
    /// The peer is.
    Slave,
}

/// Where the procedure stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was said.
    Idle,
    /// We have asked.
    Asked,
    /// We have answered and wait for the peer to agree.
    Answered(Role),
    /// Both know.
    Done(Role),
}

/// What to say next, if anything.
#[derive(Debug, PartialEq)]
pub(in super::super) enum Next {
    /// Nothing.
    Nothing,
    /// This.
    Say(MultimediaSystemControlMessage),
    /// The numbers were equal too often.
    Fail,
}

/// The procedure at our end.
#[derive(Debug)]
pub(in super::super) struct Determination {
    state: State,
    terminal: u8,
    number: u32,
    rounds: u8,
}

impl Determination {
    pub(in super::super) const fn new(chance: u32) -> Self {
        Self { state: State::Idle, terminal: TERMINAL, number: chance % MODULUS, rounds: 0 }
    }

    /// The same end with another terminalType; the greater one is master.
    pub(in super::super) const fn of_type(self, terminal: u8) -> Self {
        Self { terminal, ..self }
    }

    /// Who is master, once both know.
    pub(in super::super) const fn role(&self) -> Option<Role> {
        match self.state {
            State::Done(role) => Some(role),
            _ => None,
        }
    }

    /// Asks, unless it was begun already.
    pub(in super::super) fn begin(&mut self) -> Next {
        if self.state == State::Idle { self.ask() } else { Next::Nothing }
    }

    /// Asks, whatever was said before.
    pub(in super::super) fn begin_again(&mut self) -> Next {
        self.ask()
    }

    /// masterSlaveDetermination of the peer.
    pub(in super::super) fn asked(&mut self, terminal: u8, number: u32, chance: u32) -> Next {
        match (compare((self.terminal, self.number), (terminal, number)), self.state) {
            (Some(role), _) => {
                self.state = State::Answered(role);
                Next::Say(acknowledge(role))
            }
            (None, State::Asked) => self.again(chance),
            (None, _) => Next::Say(reject()),
        }
    }

    /// masterSlaveDeterminationAck: the decision is about us.
    pub(in super::super) fn acknowledged(
        &mut self,
        decision: &MasterSlaveDeterminationAckDecision,
    ) -> Next {
        let role = match decision {
            MasterSlaveDeterminationAckDecision::master(()) => Role::Master,
            MasterSlaveDeterminationAckDecision::slave(()) => Role::Slave,
        };
        match self.state {
            State::Asked => {
                self.state = State::Done(role);
                Next::Say(acknowledge(role))
            }
            State::Answered(_) => {
                self.state = State::Done(role);
                Next::Nothing
            }
            State::Idle | State::Done(_) => Next::Nothing,
        }
    }

    /// masterSlaveDeterminationReject: the numbers were equal.
    pub(in super::super) fn rejected(&mut self, chance: u32) -> Next {
        if self.state == State::Asked { self.again(chance) } else { Next::Nothing }
    }

    /// masterSlaveDeterminationRelease: the peer waited too long for us.
    pub(in super::super) fn released(&mut self, chance: u32) -> Next {
        match self.state {
            State::Answered(_) => self.again(chance),
            _ => Next::Nothing,
        }
    }

    fn ask(&mut self) -> Next {
        self.state = State::Asked;
        let question = MasterSlaveDetermination {
            terminal_type: self.terminal,
            status_determination_number: self.number,
            ..MasterSlaveDetermination::default()
        };
        let request = RequestMessage::masterSlaveDetermination(question);
        Next::Say(MultimediaSystemControlMessage::request(request))
    }

    fn again(&mut self, chance: u32) -> Next {
        self.rounds += 1;
        self.number = chance % MODULUS;
        if self.rounds < MOST_ROUNDS { self.ask() } else { Next::Fail }
    }
}

/// What we are; nothing if the numbers cannot tell.
fn compare((own, ours): (u8, u32), (terminal, theirs): (u8, u32)) -> Option<Role> {
    if terminal != own {
        return Some(if terminal < own { Role::Master } else { Role::Slave });
    }
    match theirs.wrapping_sub(ours) % MODULUS {
        0 | 0x80_0000 => None,
        ahead if ahead < 0x80_0000 => Some(Role::Master),
        _ => Some(Role::Slave),
    }
}

fn acknowledge(ours: Role) -> MultimediaSystemControlMessage {
    let decision = match ours {
        Role::Master => MasterSlaveDeterminationAckDecision::slave(()),
        Role::Slave => MasterSlaveDeterminationAckDecision::master(()),
    };
    respond(ResponseMessage::masterSlaveDeterminationAck(MasterSlaveDeterminationAck {
        decision,
        unknown_ext: None,
    }))
}

fn reject() -> MultimediaSystemControlMessage {
    let cause = MasterSlaveDeterminationRejectCause::identicalNumbers(());
    respond(ResponseMessage::masterSlaveDeterminationReject(MasterSlaveDeterminationReject {
        cause,
        unknown_ext: None,
    }))
}

fn respond(response: ResponseMessage) -> MultimediaSystemControlMessage {
    MultimediaSystemControlMessage::response(Box::new(response))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deliver(to: &mut Determination, message: &MultimediaSystemControlMessage) -> Next {
        match message {
            MultimediaSystemControlMessage::request(RequestMessage::masterSlaveDetermination(
                m,
            )) => to.asked(m.terminal_type, m.status_determination_number, 99),
            MultimediaSystemControlMessage::response(response) => match &**response {
                ResponseMessage::masterSlaveDeterminationAck(m) => to.acknowledged(&m.decision),
                ResponseMessage::masterSlaveDeterminationReject(_) => to.rejected(77),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    /// Carries messages between two ends until both are silent.
    fn settle(
        ends: &mut [Determination; 2],
        mut said: Vec<(usize, MultimediaSystemControlMessage)>,
    ) {
        for _ in 0..20 {
            let Some((from, message)) = (!said.is_empty()).then(|| said.remove(0)) else { return };
            if let Next::Say(answer) = deliver(&mut ends[1 - from], &message) {
                said.push((1 - from, answer));
            }
        }
        panic!("they never end");
    }

    fn roles(ends: &[Determination; 2]) -> [Option<Role>; 2] {
        [ends[0].role(), ends[1].role()]
    }

    fn begin(end: &mut Determination, from: usize) -> (usize, MultimediaSystemControlMessage) {
        match end.begin() {
            Next::Say(message) => (from, message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_asks() {
        let mut ends = [Determination::new(5), Determination::new(9)];
        let said = vec![begin(&mut ends[0], 0)];
        settle(&mut ends, said);
        assert_eq!(roles(&ends), [Some(Role::Master), Some(Role::Slave)]);
    }

    #[test]
    fn both_ask_at_once() {
        let mut ends = [Determination::new(9), Determination::new(5)];
        let said = vec![begin(&mut ends[0], 0), begin(&mut ends[1], 1)];
        settle(&mut ends, said);
        assert_eq!(roles(&ends), [Some(Role::Slave), Some(Role::Master)]);
        assert_eq!(ends[0].begin(), Next::Nothing);
    }

    #[test]
    fn it_is_asked_again_after_a_pause_of_the_same_peer_or_another() {
        let mut ends = [Determination::new(5), Determination::new(9)];
        let said = vec![begin(&mut ends[0], 0)];
        settle(&mut ends, said);
        for (other, role) in [(None, Role::Master), (Some(2), Role::Slave)] {
            if let Some(number) = other {
                ends[1] = Determination::new(number);
            }
            let Next::Say(question) = ends[0].begin_again() else { panic!("it does not ask") };
            assert_eq!(ends[0].role(), None, "until it is known again");
            settle(&mut ends, vec![(0, question)]);
            assert_eq!(ends[0].role(), Some(role));
        }
    }

    #[test]
    fn equal_numbers_are_drawn_again() {
        let mut ends = [Determination::new(5), Determination::new(5)];
        let said = vec![begin(&mut ends[0], 0)];
        settle(&mut ends, said);
        // The one who asked drew 77.
        assert_eq!(roles(&ends), [Some(Role::Slave), Some(Role::Master)]);
    }

    #[test]
    fn forever_equal_numbers_end() {
        let mut end = Determination::new(5);
        end.begin();
        let rounds = (0..20).take_while(|_| end.asked(TERMINAL, end.number, 5) != Next::Fail);
        assert_eq!(rounds.count(), usize::from(MOST_ROUNDS) - 1);
    }

    #[test]
    fn a_gateway_is_master_of_a_terminal() {
        assert_eq!(compare((TERMINAL, 1), (60, 2)), Some(Role::Slave));
        assert_eq!(compare((TERMINAL, 1), (0, 2)), Some(Role::Master));
        assert_eq!(compare((TERMINAL, 0), (TERMINAL, 0x80_0000)), None);
        assert_eq!(
            compare((TERMINAL, 0xff_fff0), (TERMINAL, 5)),
            Some(Role::Master),
            "across the wrap"
        );
    }
}
