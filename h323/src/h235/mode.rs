//! The modes of an encrypted party: the ordinary ones, wrapped with a cipher (H.245 H235Mode).

use super::capability::protection;
use crate::asn::ObjectIdentifier;
use crate::asn::h245::{
    DataModeApplication, H235Mode, H235ModeMediaMode as Media, ModeElementType as Mode, RequestMode,
};

fn each(request: &mut RequestMode, change: impl Fn(&Mode) -> Option<Mode>) {
    for element in request.requested_modes.iter_mut().flat_map(|modes| &mut modes.0) {
        if let Some(changed) = change(&element.r_type) {
            element.r_type = changed;
        }
    }
}

/// Says of every mode that can be encrypted that it is, with this cipher: those of sound, pictures and far-end camera.
pub fn wrap_modes(request: &mut RequestMode, algorithm: &ObjectIdentifier) {
    each(request, |mode| {
        let media_mode = match mode {
            Mode::audioMode(audio) => Media::audioMode(audio.clone()),
            Mode::videoMode(video) => Media::videoMode(video.clone()),
            Mode::dataMode(data) if matches!(data.application, DataModeApplication::h224(_)) => {
                Media::dataMode(data.clone())
            }
            _ => return None,
        };
        Some(Mode::h235Mode(Box::new(H235Mode {
            encryption_authentication_and_integrity: protection(std::slice::from_ref(algorithm)),
            media_mode,
            ..H235Mode::default()
        })))
    });
}

/// Makes every encrypted mode the ordinary one.
pub fn unwrap_modes(request: &mut RequestMode) {
    each(request, |mode| {
        let Mode::h235Mode(wrapped) = mode else { return None };
        match &wrapped.media_mode {
            Media::audioMode(audio) => Some(Mode::audioMode(audio.clone())),
            Media::videoMode(video) => Some(Mode::videoMode(video.clone())),
            Media::dataMode(data) => Some(Mode::dataMode(data.clone())),
            _ => None,
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn::h245::{
        AudioMode, DataMode, DataProtocolCapability as Protocol, ModeDescription, ModeElement,
        VideoMode,
    };

    #[test]
    fn wrapped_and_unwrapped() {
        let data =
            |application| Mode::dataMode(Box::new(DataMode { application, ..DataMode::default() }));
        let h224 = DataModeApplication::h224(Box::new(Protocol::hdlcFrameTunnelling(())));
        let t120 = DataModeApplication::t120(Box::new(Protocol::separateLANStack(())));
        let modes = [
            Mode::audioMode(Box::new(AudioMode::g711Ulaw64k(()))),
            Mode::videoMode(Box::<VideoMode>::default()),
            data(h224),
            data(t120),
        ];
        let element = |mode: &Mode| ModeElement { r_type: mode.clone(), ..ModeElement::default() };
        let clear = RequestMode {
            requested_modes: vec![
                ModeDescription(modes.iter().map(element).collect()),
                ModeDescription(modes[..1].iter().map(element).collect()),
            ],
            ..RequestMode::default()
        };
        let mut request = clear.clone();
        wrap_modes(&mut request, &[2, 16, 840, 1, 101, 3, 4, 1, 2].into());
        let wrapped = |modes: &ModeDescription| -> Vec<bool> {
            modes.0.iter().map(|one| matches!(one.r_type, Mode::h235Mode(_))).collect()
        };
        assert_eq!(wrapped(&request.requested_modes[0]), [true, true, true, false]);
        assert_eq!(wrapped(&request.requested_modes[1]), [true]);
        unwrap_modes(&mut request);
        assert_eq!(request, clear);
    }
}
