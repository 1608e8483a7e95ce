//! Encryption of calls in call signalling (H.235.6 §8.5): what is offered to the called party and answered to the caller.
//! Work with half keys is done elsewhere; meanwhile the call's messages wait.

use std::collections::VecDeque;

use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::cause::Release;
use pinhole_h323::q931::MessageType;
use pinhole_h323::signal::Signal;
use rand::Rng as _;
use zeroize::Zeroizing;

use super::{Call, CallKey, Calls, State, Why};
use crate::control;
use crate::event::Event;
use crate::face::{Answer as Solution, FlowId, Output, Question, QuestionId, Side};
use crate::node::{Cx, Mode};
use crate::security::agreement::{Agreed, Done, Work, tokens};
use crate::security::{Answer, Policy, Purpose, Security};

/// Questions that may be open when half keys are made for a new call: half of what may wait, so that calls that have been
/// begun can be finished.
const MOST_BEGINNING: usize = 256;
/// Messages of a call that may wait for work with half keys.
const MOST_HELD: usize = 32;

/// The messages of a call that wait.
pub(super) type Held = VecDeque<(Side, Vec<u8>)>;

fn seed(cx: &mut Cx<'_>) -> Zeroizing<[u8; 32]> {
    let mut seed = Zeroizing::new([0; 32]);
    cx.core.rng.fill_bytes(seed.as_mut_slice());
    seed
}

/// The names by which the called party of a call was and is called. The Setup may say another than the ARQ that the call was
/// admitted by, or the same with what is taken off.
pub(super) fn dialled(call: &Call) -> Vec<Alias> {
    let setup = call.route.setup.as_deref();
    let called = match setup.and_then(Signal::body) {
        Some(Body::setup(setup)) => Alias::read_all(setup.destination_address.iter().flatten()),
        _ => Vec::new(),
    };
    let number = setup.and_then(|setup| setup.q931().called_number());
    let number = number.map(|number| Alias::from_text(&number.digits));
    called.into_iter().chain(number).chain(call.route.ruled.iter().cloned()).collect()
}

impl Calls {
    /// What is wanted of a new call. False when it is refused at once. Before it is known where the called party is (`found`)
    /// nothing is wanted of its leg.
    pub(super) fn begin_security(&mut self, cx: &mut Cx<'_>, key: CallKey, found: bool) -> bool {
        let Some(call) = self.live(key) else { return false };
        let Some(setup) = call.route.setup.as_deref() else { return true };
        let dialled = dialled(call);
        let wanted = &cx.core.settings.encryption;
        let policies = [
            // By what names an unregistered caller goes it says itself.
            wanted.of(cx.core, call.leg(Side::A), &[]),
            match found {
                true => wanted.of(cx.core, call.leg(Side::B), &dialled),
                false => Policy::default(),
            },
        ];
        call.security = Security::new(policies, wanted.rules(), setup.clear_tokens());
        if !call.security.is_idle() {
            call.mode = Mode::Proxied;
            call.translates = true;
        }
        match call.security.hopeless(names(call)) {
            Some(why) => {
                self.insecure(cx, key, &why);
                false
            }
            None => true,
        }
    }

    /// Setup is about to be sent: true when half keys have to be made first.
    pub(super) fn waits_for_half_keys(&mut self, cx: &mut Cx<'_>, key: CallKey) -> bool {
        let Some(call) = self.live(key) else { return false };
        if call.security.waits_for().is_some() {
            return true;
        }
        if call.security.is_idle() || call.half_keys.is_some() {
            return false;
        }
        let groups = call.security.to_offer();
        if groups.is_empty() {
            // Without any offer there is nothing to wait for.
            return call.security.is_settled() && !self.decide(cx, key);
        }
        if self.index.questions.len() >= MOST_BEGINNING {
            self.too_busy(cx, key);
            return true;
        }
        let work = Work::Offer { groups, seed: seed(cx) };
        self.ask(cx, key, Purpose::Offer, work);
        true
    }

    /// Puts into a Setup what is offered to the called party. Proposals of fast start are in clear, so they
    /// are withheld while either leg may come to be encrypted.
    pub(super) fn secure_setup(call: &mut Call, setup: &mut Signal) {
        let pairs = call.half_keys.take();
        let told = call.security.offer(setup.clear_tokens(), pairs);
        if let Some(told) = told {
            setup.set_clear_tokens(told);
            setup.remove_crypto_tokens();
        }
        if call.security.is_undecided() {
            setup.set_fast_start(Vec::new());
        }
    }

    /// A message of the called party: true when the call goes no further with it now, because there is work to be done
    /// first, or because the call is over.
    pub(super) fn waits_for_secret(
        &mut self,
        cx: &mut Cx<'_>,
        key: CallKey,
        side: Side,
        signal: &Signal,
    ) -> bool {
        let Some(call) = self.live(key) else { return true };
        if side != Side::B || !call.security.is_undecided() {
            return false;
        }
        let connect = signal.message_type() == MessageType::Connect;
        let answer = call.security.answered(signal.clear_tokens(), connect, seed(cx));
        let Some(call) = self.live(key) else { return true };
        match answer {
            Answer::Wait => false,
            Answer::EndToEnd(answer) => {
                call.security.leave_to_them(answer);
                !self.decide(cx, key)
            }
            Answer::Clear => !self.decide(cx, key),
            Answer::Work(purpose, work) => {
                self.ask(cx, key, purpose, work);
                true
            }
        }
    }

    /// Puts into an answer of the called party what the caller gets to see of it.
    pub(super) fn secure_answer(call: &mut Call, from: Side, signal: &mut Signal) {
        if from != Side::B {
            return;
        }
        if !call.security.is_undecided() {
            let mut early = call.security.take_early(from);
            if !early.is_empty() {
                early.extend(signal.h245_control().into_iter().map(<[u8]>::to_vec));
                signal.set_h245_control(early);
            }
        }
        let ours = call.to_caller.as_ref().filter(|_| !call.security.is_undecided());
        let ours = ours.map(|agreed| tokens([(agreed.group, &agreed.half_key[..])]));
        let told = call.security.answer(signal.clear_tokens(), &ours.unwrap_or_default());
        if let Some(told) = told {
            signal.set_clear_tokens(told);
            signal.remove_crypto_tokens();
        }
    }

    /// A message of a call that waits for work; true when it was kept.
    pub(super) fn hold(
        &mut self,
        cx: &mut Cx<'_>,
        key: CallKey,
        side: Side,
        octets: &[u8],
    ) -> bool {
        let Some(call) = self.live(key) else { return false };
        let placing = matches!(call.state, State::Placing);
        if call.security.waits_for().is_none() || placing {
            return false;
        }
        if call.held.len() >= MOST_HELD {
            let sentence = format!("{} said too much before it was answered", call.leg(side).name);
            self.end(cx, key, &Why::protocol_error(sentence));
        } else {
            call.held.push_back((side, octets.to_vec()));
        }
        true
    }

    fn ask(&mut self, cx: &mut Cx<'_>, key: CallKey, purpose: Purpose, work: Work) {
        let id = QuestionId(self.index.new_question(key));
        if let Some(call) = self.live(key) {
            call.security.wait_for(Some(purpose));
        }
        cx.core.out.push(Output::Ask { id, question: Question::HalfKeys(work) });
    }

    /// Work is done, or will not be.
    pub(crate) fn answered(&mut self, cx: &mut Cx<'_>, id: QuestionId, answer: Option<Solution>) {
        let Some(key) = self.index.questions.remove(&id.0) else { return };
        let Some(call) = self.live(key) else { return };
        let Some(purpose) = call.security.waits_for() else { return };
        call.security.wait_for(None);
        match (purpose, answer) {
            (Purpose::Offer, Some(Solution::HalfKeys(Done::Offered(pairs)))) => {
                call.half_keys = Some(pairs);
                return self.send_setup(cx, key);
            }
            (Purpose::Finish, Some(Solution::HalfKeys(Done::Agreed(Ok(agreed))))) => {
                call.security.agree(Side::B, agreed);
            }
            (Purpose::Accept, Some(Solution::HalfKeys(Done::Agreed(Ok(agreed))))) => {
                call.security.agree(Side::A, agreed.clone());
                call.to_caller = Some(agreed);
            }
            // It counts as if the party had offered nothing.
            (_, Some(_)) => {}
            // Whoever asks for more than can be done must not bring calls to be made in clear.
            (_, None) => return self.too_busy(cx, key),
        }
        // The caller may have offered something of its own: then each leg has its own secret.
        if purpose == Purpose::Finish
            && let Some(work) = self.live(key).and_then(|call| call.security.accept(seed(cx)))
        {
            return self.ask(cx, key, Purpose::Accept, work);
        }
        if self.decide(cx, key) {
            self.release_held(cx, key);
        }
    }

    fn too_busy(&mut self, cx: &mut Cx<'_>, key: CallKey) {
        let sentence = "too many calls agree on keys at once".to_owned();
        self.end(cx, key, &Why::own(Release::GatekeeperResources, sentence));
    }

    /// It is known who encrypts: what waited for that goes on. False when the call is over.
    fn decide(&mut self, cx: &mut Cx<'_>, key: CallKey) -> bool {
        let Some(call) = self.live(key) else { return false };
        let [a, b] = names(call).map(ToOwned::to_owned);
        if let Err(why) = call.security.decide([&a, &b]) {
            self.insecure(cx, key, &why);
            return false;
        }
        for side in [Side::A, Side::B] {
            call.leg_mut(side).encrypted = call.security.locks(side);
            if let Some(sentence) = call.security.flaw(side, [&a, &b]) {
                let (callid, party) = (call.id.to_string(), call.leg(side).name.clone());
                cx.event(Event::LegInClear { callid, party, sentence });
            }
        }
        call.sessions.lock(cx, &call.legs);
        // What the called party said early goes with the message that decides.
        let from = Side::A;
        for octets in call.security.take_early(from) {
            let Some(call) = self.calls.get_mut(&key).filter(|call| call.is_live()) else {
                return false;
            };
            let verdict = control::receive(cx, call, &mut self.index, from, &octets);
            if let Some(message) = verdict.forward {
                self.send_control(cx, key, from.other(), message);
            }
            if let Some(message) = verdict.reply {
                self.send_control(cx, key, from, message);
            }
        }
        self.live(key).is_some()
    }

    fn release_held(&mut self, cx: &mut Cx<'_>, key: CallKey) {
        while let Some(call) = self.live(key) {
            if call.security.waits_for().is_some() {
                return;
            }
            let Some((side, octets)) = call.held.pop_front() else { return };
            self.signal(cx, key, side, &octets);
        }
    }

    /// The keys of a call have to be looked after.
    pub(super) fn renew_keys(&mut self, cx: &mut Cx<'_>, key: CallKey) {
        let Some(call) = self.live(key) else { return };
        for (side, message) in control::renew(cx, call) {
            self.send_control(cx, key, side, message);
        }
    }

    /// A key has served for as many packets as it may.
    pub(super) fn key_worn(
        &mut self,
        cx: &mut Cx<'_>,
        key: CallKey,
        of: (FlowId, Side, bool, u16),
    ) {
        let Some(call) = self.live(key) else { return };
        if let Some((side, message)) = control::worn(cx, call, of) {
            self.send_control(cx, key, side, message);
        }
    }

    /// Ends a call whose media would not be as secure as it has to be.
    pub(super) fn check_security(&mut self, cx: &mut Cx<'_>, key: CallKey) {
        let Some(call) = self.live(key) else { return };
        let exposed = call.sessions.take_exposed();
        let theirs = call.security.between().is_some();
        let breach = call.security.take_breach().or_else(|| {
            let (side, ip) = exposed?;
            let leg = call.leg(side);
            let rule = cx.core.settings.encryption.forbids_clear(leg.peer, ip)?;
            let name = &leg.name;
            Some(match theirs {
                false => format!("{name} wants media in clear at {ip}, where encryption is required{rule}"),
                true => format!(
                    "{name} wants media at {ip}, where encryption is required{rule}, and by the rules of their legs the \
                     parties need not encrypt it"
                ),
            })
        });
        if let Some(why) = breach {
            self.insecure(cx, key, &why);
        }
    }

    /// The call would not be secure: it ends, and both are told why.
    pub(super) fn insecure(&mut self, cx: &mut Cx<'_>, key: CallKey, why: &str) {
        let sentence = format!("it would not be secure: {why}");
        self.end(cx, key, &Why::own(Release::SecurityDenied, sentence));
    }
}

#[cfg(test)]
impl Calls {
    /// From now on this is wanted of every call, whatever was before.
    pub(crate) fn replace_security(&mut self, wanted: impl Fn() -> Security) {
        self.calls.values_mut().for_each(|call| call.security = wanted());
    }

    /// Dials another address than the leg to the called party was judged by.
    pub(crate) fn dial_elsewhere(&mut self, cx: &mut Cx<'_>, to: std::net::SocketAddr) {
        let keys: Vec<_> = self.calls.keys().copied().collect();
        keys.into_iter().for_each(|key| self.dial(cx, key, to));
    }
}

fn names(call: &Call) -> [&str; 2] {
    [&call.legs[0].name, &call.legs[1].name]
}

/// What a call keeps for its answers.
pub(super) type ToCaller = Option<Agreed>;
