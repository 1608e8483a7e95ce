//! Somebody on the way who changes what a host says on its connections.

use pinhole_h323::control::Control;
use pinhole_h323::{Signal, tpkt};

use super::{HostId, World};

/// What is done to the messages of a host.
pub(crate) type Tamper = Box<dyn FnMut(Vec<u8>) -> Vec<u8>>;

impl World {
    /// From now on the call signalling of a host is changed on its way.
    pub(crate) fn tamper_signals(
        &mut self,
        host: HostId,
        mut edit: impl FnMut(&mut Signal) + 'static,
    ) {
        self.tamper(host, move |payload| {
            let mut signal = Signal::decode(payload).ok()?;
            edit(&mut signal);
            signal.encode().ok()
        });
    }

    /// From now on the H.245 of a host is changed on its way, tunnelled or not.
    pub(crate) fn tamper_control(
        &mut self,
        host: HostId,
        mut edit: impl FnMut(&mut Control) + 'static,
    ) {
        let mut changed = move |octets: &[u8]| {
            let mut control = Control::decode(octets).ok()?;
            edit(&mut control);
            control.encode().ok()
        };
        self.tamper(host, move |payload| {
            if let Ok(mut signal) = Signal::decode(payload) {
                let all: Option<Vec<_>> =
                    signal.h245_control().iter().map(|octets| changed(octets)).collect();
                signal.set_h245_control(all?);
                return signal.encode().ok();
            }
            changed(payload)
        });
    }

    fn tamper(&mut self, host: HostId, mut edit: impl FnMut(&[u8]) -> Option<Vec<u8>> + 'static) {
        self.forged = true;
        self.hosts[host.0].tamper = Some(Box::new(move |bytes| {
            let mut changed = Vec::new();
            let mut rest = &bytes[..];
            while let Ok(Some((payload, after))) = tpkt::split_first(rest) {
                let payload = edit(payload).unwrap_or_else(|| payload.to_vec());
                changed.extend(tpkt::wrap(&payload).expect("short"));
                rest = &rest[after..];
            }
            changed
        }));
    }
}
