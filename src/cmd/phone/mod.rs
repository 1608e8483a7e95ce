//! `pinhole phone`: a complete test endpoint.

mod listing;
mod settings;
mod wav;

use std::io::{self, Write};
use std::process::ExitCode;

use pinhole::event::Event;
use pinhole::net;
use pinhole::phone::Phone;
use pinhole::phone::options::Options;

pub(crate) use self::settings::Args;
use self::wav::Recorder;
use super::{FAILED, USAGE};

/// Runs the phone until its calls are over, or for ever with -l.
pub(crate) fn run(args: &Args) -> ExitCode {
    let options = match settings::options(args) {
        Ok(options) => options,
        Err(sentence) => {
            super::complain(&format!("pinhole: {sentence}"));
            return ExitCode::from(USAGE);
        }
    };
    let mut show = Show::new(args, &options);
    let phone = Phone::new(options, rand::random(), net::now());
    if let Err(error) = net::run(Box::new(phone), |event| show.event(event)) {
        super::complain(&format!("pinhole: cannot run: {error}"));
        return ExitCode::from(FAILED);
    }
    show.finish()
}

/// Prints events, writes recordings, and keeps in mind whether all went well.
struct Show {
    json: bool,
    recorder: Option<Recorder>,
    /// Calls that are still to succeed.
    wanted: u32,
    failed: bool,
}

impl Show {
    fn new(args: &Args, options: &Options) -> Self {
        let recorder = args.record.clone().map(Recorder::new);
        let wanted = if options.destination.is_some() { options.calls } else { 0 };
        Self { json: args.json, recorder, wanted, failed: false }
    }

    fn event(&mut self, event: &Event) {
        if let Some(recorder) = &mut self.recorder
            && let Err(error) = recorder.event(event)
        {
            super::complain(&format!("pinhole: cannot write the recording: {error}"));
            self.recorder = None;
            self.failed = true;
        }
        self.judge(event);
        // Samples are for the recorder only.
        if !matches!(event, Event::Audio { .. }) {
            let line = if self.json {
                serde_json::to_string(event).unwrap_or_default()
            } else {
                listing::line(event)
            };
            // A reader that has gone away does not end the calls.
            let _ = writeln!(io::stdout().lock(), "{line}");
        }
    }

    fn judge(&mut self, event: &Event) {
        match event {
            Event::RegistrationRefused { .. } | Event::NotListening { .. } => self.failed = true,
            Event::CallEnded(record) if record.direction == "out" => {
                let heard =
                    record.channels.iter().any(|c| c.direction == "receive" && c.packets > 0);
                let well = record.setup_ms.is_some() && heard;
                self.wanted -= u32::from(well).min(self.wanted);
            }
            _ => {}
        }
    }

    fn finish(mut self) -> ExitCode {
        if let Some(recorder) = self.recorder.take()
            && let Err(error) = recorder.finish()
        {
            super::complain(&format!("pinhole: cannot write the recording: {error}"));
            self.failed = true;
        }
        if self.failed || self.wanted > 0 { ExitCode::from(FAILED) } else { ExitCode::SUCCESS }
    }
}
