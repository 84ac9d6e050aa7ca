//! What the simulated HubSpot decided about one call: the answer, when it leaves, and what the line does to it.

use std::time::Duration;

use crate::call::Reply;

#[derive(Debug, Clone)]
pub struct Outcome {
    pub reply: Reply,
    /// Server time on top of the ordinary latency, spent after the call was counted.
    pub delay: Duration,
    pub transport: Transport,
}

/// How the answer travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Answer,
    /// The connection is reset and no byte of the answer arrives.
    Reset,
    /// Nothing arrives and the connection stays open until the caller gives up.
    Hang,
    /// The head and this many bytes of the body arrive, then the connection closes.
    Truncate {
        bytes: usize,
    },
    /// The body trickles in over this long.
    SlowBody {
        over: Duration,
    },
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        Self { reply, delay: Duration::ZERO, transport: Transport::Answer }
    }
}
