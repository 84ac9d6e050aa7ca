//! A delivery that commits late must not be passed by: PostgreSQL gives out numbers before commits.

use std::time::Duration;

use store::deliveries::{EventKey, NewDelivery};
use tokio_postgres::NoTls;

use super::{Ground, server};

#[tokio::test]
async fn a_delivery_that_commits_late_is_not_passed_by() {
    let server = server::Server::start();
    let url = server.database("late").await;
    let store = Ground::Database(url.clone()).open().await;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    // Another hubkeeper, in the middle of its work: it has its number, and has not committed.
    client.batch_execute("BEGIN; INSERT INTO seen (key) VALUES ('\\x01')").await.unwrap();
    let insert = "INSERT INTO deliveries (received_at, connection, places, body, checksum) VALUES (0, 'c', '\\x00', '', 0)
                  RETURNING seq";
    let late: i64 = client.query_one(insert, &[]).await.unwrap().get(0);
    let at = "2026-03-01T12:00:00Z".parse().unwrap();
    let keys = vec![EventKey::new(at, [1; 10])];
    let delivery = NewDelivery { received_at: at, connection: "c".into(), body: b"[1]".to_vec(), keys };
    store.receive(delivery).await.unwrap();
    assert!(store.deliveries(0, 10).await.unwrap().is_empty(), "not before it is known what comes before it");
    // The control: who reads by number alone sees the later one already.
    let seen = client.query("SELECT seq FROM deliveries WHERE seq > $1", &[&late]).await.unwrap();
    assert_eq!(seen.len(), 1);
    client.batch_execute("ROLLBACK").await.unwrap();
    let found = store.deliveries(0, 10).await.unwrap();
    assert_eq!(found.iter().map(|one| one.seq).collect::<Vec<_>>(), [late + 1]);
}

#[tokio::test]
async fn whoever_waits_for_another_process_keeps_nobody_waiting() {
    let server = server::Server::start();
    let url = server.database("held").await;
    let store = Ground::Database(url.clone()).open().await;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let at = "2026-03-01T12:00:00Z".parse().unwrap();
    let delivery = |key: u8| {
        let keys = vec![EventKey::new(at, [key; 10])];
        NewDelivery { received_at: at, connection: "c".into(), body: b"[1]".to_vec(), keys }
    };
    // Another hubkeeper that stopped in the middle of its work.
    client.batch_execute("BEGIN").await.unwrap();
    let held = delivery(1).keys[0];
    client.execute("INSERT INTO seen (key) VALUES ($1)", &[&held.bytes().as_slice()]).await.unwrap();
    let receive = |delivery| {
        tokio::spawn({
            let store = store.clone();
            async move { store.receive(delivery).await }
        })
    };
    let mut waits = Vec::new();
    for key in 2..6 {
        waits.push(receive(delivery(1)));
        let other = tokio::time::timeout(Duration::from_secs(60), receive(delivery(key))).await;
        assert_eq!(other.expect("it goes by").unwrap().unwrap().len(), 1);
    }
    assert!(waits.iter().all(|one| !one.is_finished()), "nobody knows yet whether it has come before");
    client.batch_execute("ROLLBACK").await.unwrap();
    let mut new = 0;
    for one in waits {
        new += one.await.unwrap().unwrap().len();
    }
    assert_eq!(new, 1);
}
