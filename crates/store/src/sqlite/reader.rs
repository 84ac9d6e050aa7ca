//! One thread reads, beside the one that writes: a long list keeps no write waiting.

use std::sync::mpsc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::patience::Patience;
use crate::failure::{Refusing, StoreError};

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// The door to the thread that reads.
#[derive(Clone)]
pub(crate) struct Reader {
    questions: mpsc::Sender<Question>,
    pub(super) patience: Patience,
}

impl Reader {
    pub(crate) fn start(connection: Connection) -> std::io::Result<Self> {
        let (questions, waiting) = mpsc::channel::<Question>();
        std::thread::Builder::new().name("store-reads".into()).spawn(move || {
            while let Ok(question) = waiting.recv() {
                question(&connection);
            }
        })?;
        Ok(Self { questions, patience: Patience::default() })
    }

    /// # Errors
    /// [`StoreError::Unreadable`], and whatever `work` itself finds.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (done, answered) = oneshot::channel();
        let question = move |connection: &Connection| {
            let _nobody_waits = done.send(work(connection));
        };
        if self.questions.send(Box::new(question)).is_err() {
            return Err(StoreError::NotAccepted(Refusing::Closed));
        }
        self.patience
            .wait(answered)
            .await
            .unwrap_or_else(|_| Err(StoreError::Unreadable("the reader is gone".into())))
    }
}

/// For `?` in what reads.
impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}
