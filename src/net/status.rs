//! Answers who asks on a local socket what the agent holds: one document for each connection.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tracing::debug;

/// How many may ask at a time; others wait for their turn.
const AT_A_TIME: usize = 4;
/// How long one may take to read the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks an agent that is being driven what it holds. Cloned, each asks the same agent.
#[derive(Debug, Clone)]
pub struct Asker(mpsc::Sender<Inquiry>);

/// Where an answer is wanted.
pub(super) type Inquiry = oneshot::Sender<Option<String>>;

impl Asker {
    /// One that asks through a channel, and the channel's other end.
    pub(super) fn new() -> (Self, mpsc::Receiver<Inquiry>) {
        let (sender, questions) = mpsc::channel(AT_A_TIME);
        (Self(sender), questions)
    }

    /// What the agent holds, as one JSON document; nothing when it has none, or has ended.
    pub async fn ask(&self) -> Option<String> {
        let (sender, answer) = oneshot::channel();
        self.0.send(sender).await.ok()?;
        answer.await.ok()?
    }
}

/// The socket, which is removed when this is dropped.
#[derive(Debug)]
pub(super) struct StatusSocket {
    path: PathBuf,
    listener: Option<UnixListener>,
}

impl StatusSocket {
    /// Listens at a path, for the owner of the process only. A socket that nobody listens on any more is replaced.
    ///
    /// # Errors
    /// Why it cannot.
    pub(super) fn bind(path: &Path) -> io::Result<Self> {
        let is_socket =
            std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
        if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
            std::fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        let socket = Self { path: path.to_owned(), listener: Some(listener) };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(socket)
    }

    /// Answers from now on.
    pub(super) fn serve(&mut self, asker: Asker) {
        let Some(listener) = self.listener.take() else { return };
        let turns = Arc::new(Semaphore::new(AT_A_TIME));
        tokio::spawn(async move {
            while let Ok(turn) = Arc::clone(&turns).acquire_owned().await {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let asker = asker.clone();
                        tokio::spawn(async move {
                            let _ = tokio::time::timeout(PATIENCE, answer(stream, asker)).await;
                            drop(turn);
                        });
                    }
                    Err(error) => {
                        debug!(%error, "the status socket does not accept");
                        tokio::time::sleep(PATIENCE).await;
                    }
                }
            }
        });
    }
}

impl Drop for StatusSocket {
    /// Who became another user may not be allowed to remove it; the next start does.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whoever goes before the answer is written does not want it.
async fn answer(mut stream: UnixStream, asker: Asker) -> io::Result<()> {
    if let Some(document) = asker.ask().await {
        stream.write_all(document.as_bytes()).await?;
        stream.write_all(b"\n").await?;
    }
    stream.shutdown().await
}
