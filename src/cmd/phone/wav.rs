//! Audio files: what is played and what is recorded.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use pinhole::event::Event;
use pinhole::phone::tone::RATE;

/// The only format: that of the telephone, before G.711.
const FORMAT: WavSpec = WavSpec {
    channels: 1,
    sample_rate: RATE,
    bits_per_sample: 16,
    sample_format: SampleFormat::Int,
};

/// The samples of a file.
///
/// # Errors
/// One sentence, when it cannot be read or has another format.
pub(super) fn read(file: &Path) -> Result<Vec<i16>, String> {
    let name = file.display();
    let cannot = |error: hound::Error| format!("cannot read {name}: {error}");
    let mut reader = WavReader::open(file).map_err(cannot)?;
    if reader.spec() != FORMAT {
        return Err(format!("{name} is not of 8 kHz, 16 bit, mono"));
    }
    let samples: Vec<i16> = reader.samples().collect::<Result<_, _>>().map_err(cannot)?;
    if samples.is_empty() { Err(format!("{name} has no audio")) } else { Ok(samples) }
}

/// Writes a file for each call.
pub(super) struct Recorder {
    file: PathBuf,
    begun: u32,
    calls: BTreeMap<String, WavWriter<BufWriter<File>>>,
}

impl Recorder {
    /// The first call goes to this file.
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file, begun: 0, calls: BTreeMap::new() }
    }

    /// Keeps what was heard, and ends the file of a call that ended.
    pub(super) fn event(&mut self, event: &Event) -> Result<(), hound::Error> {
        match event {
            Event::Audio { callid, samples } => {
                if !self.calls.contains_key(callid) {
                    let writer = WavWriter::create(self.next_file(), FORMAT)?;
                    self.calls.insert(callid.clone(), writer);
                }
                let Some(writer) = self.calls.get_mut(callid) else { return Ok(()) };
                samples.iter().try_for_each(|sample| writer.write_sample(*sample))
            }
            Event::CallEnded(record) => {
                self.calls.remove(&record.callid).map_or(Ok(()), WavWriter::finalize)
            }
            _ => Ok(()),
        }
    }

    /// Ends the files of calls that have not ended.
    pub(super) fn finish(self) -> Result<(), hound::Error> {
        self.calls.into_values().try_for_each(WavWriter::finalize)
    }

    fn next_file(&mut self) -> PathBuf {
        self.begun += 1;
        if self.begun == 1 {
            return self.file.clone();
        }
        let stem = self.file.file_stem().unwrap_or_default().to_string_lossy();
        let mut name = format!("{stem}-{}", self.begun);
        if let Some(extension) = self.file.extension() {
            name = format!("{name}.{}", extension.to_string_lossy());
        }
        self.file.with_file_name(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_can_be_played() {
        let folder = std::env::temp_dir().join(format!("pinhole-wav-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut recorder = Recorder::new(folder.join("heard.wav"));
        for (callid, samples) in [("a", vec![1, -2]), ("b", vec![7]), ("a", vec![3])] {
            let event = Event::Audio { callid: callid.to_owned(), samples };
            recorder.event(&event).unwrap();
        }
        recorder.finish().unwrap();
        assert_eq!(read(&folder.join("heard.wav")).unwrap(), [1, -2, 3]);
        assert_eq!(read(&folder.join("heard-2.wav")).unwrap(), [7]);
        let other = WavSpec { sample_rate: 44_100, ..FORMAT };
        WavWriter::create(folder.join("cd.wav"), other).unwrap().finalize().unwrap();
        assert!(read(&folder.join("cd.wav")).unwrap_err().contains("8 kHz"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
