//! The tone that is sent, and the meter that says which tone arrived.

use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

/// Samples per second of all audio here.
pub const RATE: u32 = 8000;

/// Samples of one window of the meter: 1.024 s, bins of 0.98 Hz.
const WINDOW: usize = 8192;

/// The shortest piece of audio that is measured when no window was filled: a quarter of a second.
const SHORTEST: usize = 2048;

/// Packets of 20 ms that are the least for a tone.
pub const FEWEST_PACKETS: u64 = SHORTEST.div_ceil(super::talk::SAMPLES as usize) as u64;

/// Below this root mean square (of 32768) audio is silence: about -50 dB.
const SILENCE_RMS: f32 = 100.0;

/// The part of the energy that must lie in the peak for audio to be called a tone. A tone that went through G.711
/// has over 0.99, with a tenth of its packets lost over 0.8; noise has under 0.01, speech rarely more than 0.3.
const PURITY: f32 = 0.5;

/// Windows whose tones differ by no more than this many hertz agree.
const AGREEMENT_HZ: f64 = 2.0;

/// A sine wave at half of full scale.
#[derive(Debug, Clone)]
pub struct Sine {
    phase: f64,
    step: f64,
}

impl Sine {
    /// A tone of so many hertz.
    #[must_use]
    pub fn new(hz: f64) -> Self {
        Self { phase: 0.0, step: std::f64::consts::TAU * hz / f64::from(RATE) }
    }

    /// The next sample.
    pub fn sample(&mut self) -> i16 {
        let value = self.phase.sin() * 16_384.0;
        self.phase = (self.phase + self.step) % std::f64::consts::TAU;
        value as i16
    }
}

/// Measures the tone in audio, window by window.
///
/// A window that is no tone, or another tone, votes against the tone heard so far: what counts is what was heard
/// most of the time, so that neither a click nor the last second decides.
#[derive(Debug, Default)]
pub struct ToneMeter {
    window: Vec<f32>,
    candidate: Option<Candidate>,
    windows: u32,
    /// Windows that are left out after each that is measured.
    rest: u32,
    /// Samples still to leave out.
    skip: usize,
}

/// The tone that most windows so far had.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    hz: f64,
    votes: u32,
}

impl ToneMeter {
    /// Measures but one window in so many: with many calls at a time, the work of a few.
    #[must_use]
    pub fn sparse(one_in: u32) -> Self {
        Self { rest: one_in.saturating_sub(1), ..Self::default() }
    }

    /// Takes one sample.
    pub fn push(&mut self, sample: i16) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        self.window.push(f32::from(sample));
        if self.window.len() == WINDOW {
            let heard = measure(&self.window);
            self.window.clear();
            self.skip = WINDOW * self.rest as usize;
            self.windows = self.windows.saturating_add(1);
            self.vote(heard);
        }
    }

    /// Leaves out so many samples that were lost: what comes after keeps its place in time.
    pub fn gap(&mut self, samples: usize) {
        for _ in 0..samples.min(WINDOW) {
            self.push(0);
        }
    }

    /// The tone heard most of the time, in hertz; nothing if it was silence or noise.
    #[must_use]
    pub fn tone(&self) -> Option<f64> {
        if self.windows == 0 && self.window.len() >= SHORTEST {
            return measure(&self.window);
        }
        self.candidate.map(|candidate| candidate.hz)
    }

    /// A majority vote (Boyer and Moore): constant memory however long the call.
    fn vote(&mut self, heard: Option<f64>) {
        match (&mut self.candidate, heard) {
            (None, Some(hz)) => self.candidate = Some(Candidate { hz, votes: 1 }),
            (Some(candidate), Some(hz)) if (candidate.hz - hz).abs() <= AGREEMENT_HZ => {
                candidate.votes = candidate.votes.saturating_add(1);
            }
            (Some(candidate), _) if candidate.votes > 1 => candidate.votes -= 1,
            (Some(_), _) => self.candidate = None,
            (None, None) => {}
        }
    }
}

/// The tone in a piece of audio, if it is one.
fn measure(samples: &[f32]) -> Option<f64> {
    let energy: f32 = samples.iter().map(|sample| sample * sample).sum();
    let rms = (energy / samples.len() as f32).sqrt();
    if rms < SILENCE_RMS {
        return None;
    }
    peak(&spectrum(samples))
}

/// The power of each bin from 0 to half the sampling rate, under a Hann window.
fn spectrum(samples: &[f32]) -> Vec<f32> {
    let turn = std::f32::consts::TAU / samples.len() as f32;
    let mut bins: Vec<Complex<f32>> = samples
        .iter()
        .enumerate()
        .map(|(n, sample)| Complex::new(sample * 0.5 * (1.0 - (turn * n as f32).cos()), 0.0))
        .collect();
    bins.resize(WINDOW, Complex::default());
    FftPlanner::new().plan_fft_forward(WINDOW).process(&mut bins);
    bins.truncate(WINDOW / 2);
    bins.iter().map(Complex::norm_sqr).collect()
}

/// Where the power peaks, in hertz, if most of it is there.
fn peak(power: &[f32]) -> Option<f64> {
    // Not the first bins: a constant is no tone.
    let (top, _) = power.iter().enumerate().skip(8).max_by(|a, b| a.1.total_cmp(b.1))?;
    // A short piece has a wide main lobe: 2 bins each side for a full window, 8 for the shortest.
    let near = power.get(top.saturating_sub(9)..power.len().min(top + 10))?;
    let total: f32 = power.iter().sum();
    let near_power: f32 = near.iter().sum();
    if near_power < PURITY * total {
        return None;
    }
    // The centre of the power in the lobe is the frequency to a fraction of a bin.
    let first = top.saturating_sub(9);
    let moment: f64 =
        near.iter().enumerate().map(|(n, power)| (first + n) as f64 * f64::from(*power)).sum();
    Some(moment / f64::from(near_power) * f64::from(RATE) / WINDOW as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::g711::Law;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn heard(samples: impl Iterator<Item = i16>) -> Option<f64> {
        let mut meter = ToneMeter::default();
        samples.for_each(|sample| meter.push(sample));
        meter.tone()
    }

    fn tone(hz: f64, samples: usize) -> impl Iterator<Item = i16> {
        let mut sine = Sine::new(hz);
        (0..samples).map(move |_| sine.sample())
    }

    fn noise(samples: usize) -> impl Iterator<Item = i16> {
        let mut random = ChaCha8Rng::from_seed([7; 32]);
        (0..samples).map(move |_| random.next_u32() as i16 / 2)
    }

    #[test]
    fn tones_are_measured_through_g711() {
        for law in [Law::A, Law::Mu] {
            for hz in [220.0, 440.0, 441.3, 1000.0, 1004.5, 3100.0] {
                let line = tone(hz, 20_000).map(|sample| law.decode(law.encode(sample)));
                let measured = heard(line).unwrap();
                assert!((measured - hz).abs() < 0.2, "{law:?} {hz}: {measured}");
            }
        }
    }

    #[test]
    fn a_short_call_is_measured() {
        let measured = heard(tone(440.0, 2400)).unwrap();
        assert!((measured - 440.0).abs() < 2.0, "{measured}");
        assert_eq!(heard(tone(440.0, 1000)), None);
    }

    #[test]
    fn silence_and_noise_are_no_tone() {
        assert_eq!(heard(std::iter::repeat_n(0, 20_000)), None);
        assert_eq!(heard(tone(440.0, 20_000).map(|sample| sample / 200)), None);
        assert_eq!(heard(noise(20_000)), None);
        assert_eq!(heard(noise(3000)), None);
        assert_eq!(heard(std::iter::repeat_n(9000, 20_000)), None, "a constant");
    }

    #[test]
    fn noise_as_octets_is_no_tone() {
        // What a wrongly decrypted stream sounds like.
        let mut random = ChaCha8Rng::from_seed([9; 32]);
        let octets = (0..20_000).map(move |_| random.next_u32() as u8);
        assert_eq!(heard(octets.map(|octet| Law::A.decode(octet))), None);
    }

    #[test]
    fn lost_packets_keep_the_tone() {
        let mut meter = ToneMeter::default();
        for (n, sample) in tone(440.0, 40_000).enumerate() {
            match n / 160 % 10 {
                3 if n % 160 == 0 => meter.gap(160),
                3 => {}
                _ => meter.push(sample),
            }
        }
        let measured = meter.tone().unwrap();
        assert!((measured - 440.0).abs() < 1.0, "{measured}");
    }

    #[test]
    fn the_majority_decides() {
        let mostly = noise(WINDOW * 2).chain(tone(440.0, WINDOW * 5));
        assert!(heard(mostly).is_some());
        let hardly = tone(440.0, WINDOW * 2).chain(noise(WINDOW * 4));
        assert_eq!(heard(hardly), None);
        let click = tone(440.0, WINDOW * 4).chain(tone(900.0, WINDOW));
        assert!((heard(click).unwrap() - 440.0).abs() < 0.2);
    }
}
