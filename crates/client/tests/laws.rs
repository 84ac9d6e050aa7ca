//! What the layers must keep whatever their inside looks like: a whole stack against a server with its own books, in
//! virtual time. Each test is a mistake that was once made, or the law that forbids it.

mod laws {
    mod breakers;
    mod cache;
    mod credentials;
    mod degraded;
    mod honesty;
    mod lanes;
    mod limits;
    mod mixture;
    mod program;
    mod refusals;
    mod repeats;
    mod retries;
    mod server;
    mod waiting;
}
