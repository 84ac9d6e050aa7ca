//! The audit log on a disk: a chain whoever writes it, and nothing in it changes unseen.

use jiff::Timestamp;
use rusqlite::Connection;
use store::Store;
use store::audit::chain::{Broken, Fault, Whole};
use store::audit::key::AuditKey;
use store::audit::log::{AuditLog, Verdict};
use store::audit::{Act, CheckpointKind, NewEntry, Outcome, Subject};

use crate::Ground;

fn key() -> AuditKey {
    AuditKey::of_text(&"5".repeat(64)).unwrap()
}

fn entry(subject: Subject) -> NewEntry {
    NewEntry {
        at: Timestamp::from_second(1_800_000_000).unwrap(),
        actor: "console".into(),
        act: Act::OperationReplayed,
        subject,
        outcome: Outcome::Done,
        request_id: Some("b2f6".into()),
        detail: "asked by support".into(),
    }
}

fn beginning() -> Timestamp {
    Timestamp::from_second(1_799_999_999).unwrap()
}

async fn write(store: &Store, count: usize) {
    let writing = (0..count).map(|_| {
        let store = store.clone();
        tokio::spawn(
            async move { store.audit(&key(), entry(Subject::Ours("operation".into()))).await.unwrap() },
        )
    });
    for one in writing.collect::<Vec<_>>() {
        one.await.unwrap();
    }
}

async fn verify(ground: &Ground) -> Verdict {
    AuditLog::open(&ground.url()).await.unwrap().verify(&key().public(), &[]).await.unwrap()
}

pub(crate) async fn acts_are_kept_in_one_chain_however_many_at_once(ground: &Ground) {
    let store = ground.open().await;
    assert_eq!(verify(ground).await, Verdict::Broken(Broken { seq: 1, fault: Fault::Empty }));
    let key = key();
    let (one, other) =
        tokio::join!(store.begin_audit(&key, beginning()), store.begin_audit(&key, beginning()));
    assert!(one.unwrap() != other.unwrap(), "one of two begins it");
    assert_eq!(verify(ground).await, Verdict::Whole(Whole { entries: 1, checkpoints: 1 }));
    write(&store, 39).await;
    assert_eq!(verify(ground).await, Verdict::Whole(Whole { entries: 40, checkpoints: 1 }));
    drop(store);
    let store = ground.open().await;
    assert!(!store.begin_audit(&key, beginning()).await.unwrap(), "it begins once");
    write(&store, 3).await;
    assert_eq!(verify(ground).await, Verdict::Whole(Whole { entries: 43, checkpoints: 1 }));

    let another = AuditKey::of_text(&"6".repeat(64)).unwrap().public();
    let log = AuditLog::open(&ground.url()).await.unwrap();
    let broken = Broken { seq: 43, fault: Fault::Forged };
    assert_eq!(log.verify(&another, &[]).await.unwrap(), Verdict::Broken(broken));
}

pub(crate) async fn an_act_reads_as_it_was_told_and_people_by_their_hash(ground: &Ground) {
    let store = ground.open().await;
    let long = "ä".repeat(1_000);
    let told =
        NewEntry { detail: long, request_id: None, ..entry(Subject::Person("ada@example.com".into())) };
    store.begin_audit(&key(), beginning()).await.unwrap();
    assert_eq!(store.audit(&key(), told).await.unwrap(), 2);
    assert_eq!(store.audit(&key(), entry(Subject::Ours("operation".into()))).await.unwrap(), 3);
    let log = AuditLog::open(&ground.url()).await.unwrap();
    let first = &log.entries(0, 1).await.unwrap()[0];
    assert_eq!((first.seq, &*first.act, first.at), (1, "log_begun", beginning()));
    assert!(first.detail.ends_with(&key().public()), "{first:?}");
    let entries = log.entries(1, 10).await.unwrap();
    assert_eq!(entries[0].subject, key().name_of("ada@example.com"));
    assert!(entries[0].detail.len() == 500 && entries[0].request_id.is_none());
    let second = &entries[1];
    assert_eq!(
        (&*second.actor, &*second.act, &*second.subject),
        ("console", "operation_replayed", "operation")
    );
    assert_eq!((&*second.outcome, second.request_id.as_deref()), ("done", Some("b2f6")));
    assert_eq!(log.entries(2, 10).await.unwrap().len(), 1);
    let checkpoints = log.checkpoints().await.unwrap();
    assert_eq!((checkpoints.len(), checkpoints[0].seq, checkpoints[0].kind), (1, 3, CheckpointKind::Head));
}

const ENTRIES: i64 = 6;

/// Tampers with a log of its own, past the guards, and tells what is found.
async fn tampered(change: &str) -> Verdict {
    tampered_at(&Ground::directory(), change).await
}

async fn tampered_at(ground: &Ground, change: &str) -> Verdict {
    let store = ground.open().await;
    store.begin_audit(&key(), beginning()).await.unwrap();
    write(&store, usize::try_from(ENTRIES).unwrap() - 1).await;
    drop(store);
    // The store is closed a moment after its last handle.
    drop(ground.open().await);
    let path = ground.url();
    let connection = Connection::open(path.strip_prefix("sqlite:").unwrap()).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    let guards = "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted;";
    connection.execute_batch(&format!("{guards} {change}")).unwrap();
    assert!(connection.changes() > 0, "{change} changes something");
    drop(connection);
    verify(ground).await
}

#[tokio::test]
async fn a_changed_byte_or_a_dropped_row_anywhere_is_found_with_its_place() {
    let columns = [
        "seq = seq + 100",
        "at = at + 1",
        "actor = 'consolf'",
        "act = 'operation_removed'",
        "subject = subject || ' '",
        "outcome = 'failed'",
        "request_id = 'b2f7'",
        "detail = ''",
        "hash = CAST(substr(hash, 1, 31) || x'00' AS BLOB)",
        "hash = x'00'",
    ];
    for row in 1..=ENTRIES {
        let dropped = tampered(&format!("DELETE FROM audit WHERE seq = {row}")).await;
        let fault = if row == ENTRIES { Fault::CutOff } else { Fault::Missing };
        assert_eq!(dropped, Verdict::Broken(Broken { seq: row, fault }));
        // All columns in the first and last row, one of them in each of the others.
        for (number, column) in columns.iter().enumerate() {
            if row == 1 || row == ENTRIES || i64::try_from(number).unwrap() == row {
                let found = tampered(&format!("UPDATE audit SET {column} WHERE seq = {row}")).await;
                assert!(
                    matches!(&found, Verdict::Broken(broken) if broken.seq == row),
                    "{column} of {row}: {found:?}"
                );
            }
        }
    }
    for change in [
        "DELETE FROM audit_checkpoints",
        "UPDATE audit_checkpoints SET kind = 1",
        "UPDATE audit_checkpoints SET seq = 5",
        "UPDATE audit_checkpoints SET hash = x'00'",
        "UPDATE audit_checkpoints SET signature = 'ab'",
        "UPDATE audit_checkpoints SET public_key = 'ab'",
    ] {
        let found = tampered(change).await;
        assert!(matches!(&found, Verdict::Broken(broken) if broken.seq == ENTRIES), "{change}: {found:?}");
    }
}

#[tokio::test]
async fn a_log_that_was_emptied_is_found_and_nothing_begins_it_anew() {
    let emptied = "DELETE FROM audit; DELETE FROM audit_checkpoints";
    let ground = Ground::directory();
    assert_eq!(tampered_at(&ground, emptied).await, Verdict::Broken(Broken { seq: 1, fault: Fault::Empty }));
    let store = ground.open().await;
    assert!(!store.begin_audit(&key(), beginning()).await.unwrap());
    write(&store, 2).await;
    assert_eq!(verify(&ground).await, Verdict::Broken(Broken { seq: 1, fault: Fault::Missing }));
}

#[tokio::test]
async fn the_log_only_grows() {
    let ground = Ground::directory();
    write(&ground.open().await, 2).await;
    drop(ground.open().await);
    let connection = Connection::open(ground.url().strip_prefix("sqlite:").unwrap()).unwrap();
    for change in ["UPDATE audit SET detail = ''", "DELETE FROM audit"] {
        let refused = connection.execute_batch(change).unwrap_err().to_string();
        assert!(refused.contains("only grows"), "{refused}");
    }
}
