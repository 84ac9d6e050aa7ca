//! Incidents in the console, as a browser gets them, and in the metrics.

use super::incident;
use super::told::Told;
use crate::house::{Answer, PATIENCE, Program, Upstream, ask};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

async fn post(up: &Program, path: &str, headers: &[&str], form: &str) -> Answer {
    ask(up.admin(), "POST", path, &[&[FORM], headers].concat(), form).await
}

async fn page(up: &Program, path: &str) -> String {
    let answer = ask(up.admin(), "GET", path, &[], "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text()
}

#[tokio::test]
async fn an_incident_is_looked_at_taken_noted_and_ended_from_our_own_pages_only() {
    let told = Told::new().await;
    let up = told.up(&Upstream::nobody().await, "").ready().await;
    assert!(page(&up, "/incidents").await.contains("None."));
    told.after_a_look(&up).await;
    let (_, listed) = incident(&up, &["list"]).await;
    let id = listed["incidents"][0]["id"].as_str().unwrap();
    let list = page(&up, "/incidents").await;
    assert!(list.contains(id) && list.contains("a job failed"), "{list}");
    let one = format!("/incidents/{id}");
    assert!(page(&up, &one).await.contains("sentinel failed"));

    let ack = format!("{one}/ack");
    for foreign in [["Origin: https://evil.example"], ["Sec-Fetch-Site: cross-site"], ["Origin: null"]] {
        assert_eq!(post(&up, &ack, &foreign, "by=eve").await.status, 403, "{foreign:?}");
    }
    assert_eq!(post(&up, &ack, &[], "by=").await.status, 400, "who are you?");
    assert_eq!(post(&up, &format!("{one}/explode"), &[], "by=ada").await.status, 400);
    assert_eq!(post(&up, &ack, &[], "by=ada").await.status, 303);
    assert_eq!(post(&up, &ack, &[], "by=bob").await.status, 409, "it is taken");
    let note = "by=ada&text=called+%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    assert_eq!(post(&up, &format!("{one}/note"), &[], note).await.status, 303);
    let shown = page(&up, &one).await;
    assert!(shown.contains("taken by ada") && shown.contains("called &lt;script&gt;"), "{shown}");
    assert!(!shown.contains("<script>alert"), "what people write is escaped");

    let measure = "by=ada&mitigation=shed_bulk&turn=on";
    assert_eq!(post(&up, &format!("{one}/measure"), &[], measure).await.status, 303);
    let metrics = page_of_metrics(&up).await;
    for line in [
        "hubkeeper_incidents_open{severity=\"P2\"} 1",
        "hubkeeper_incidents_opened_total{code=\"none\"} 1",
        "hubkeeper_measures_on{mitigation=\"shed_bulk\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is missing: {metrics}");
    }
    // Who was told has answered, and that is counted.
    let told = "hubkeeper_notices_total{channel=\"slack\",result=\"told\"}";
    let counted = async { while !page_of_metrics(&up).await.contains(told) {} };
    tokio::time::timeout(PATIENCE, counted).await.expect("it is counted");
    assert_eq!(post(&up, &format!("{one}/resolve"), &[], "by=ada").await.status, 303);
    let metrics = page_of_metrics(&up).await;
    assert!(metrics.contains("hubkeeper_incidents_open{severity=\"P2\"} 0"), "{metrics}");
    assert!(metrics.contains("hubkeeper_measures_on{mitigation=\"shed_bulk\"} 0"), "it was taken back");
    assert_eq!(ask(up.admin(), "GET", "/incidents/20200101-000000", &[], "").await.status, 404);
    up.stop().await;
}

async fn page_of_metrics(up: &Program) -> String {
    ask(up.admin(), "GET", "/metrics", &[], "").await.text()
}

#[tokio::test]
async fn without_a_room_there_is_no_page() {
    let up = crate::house::Start::up(&Upstream::nobody().await).ready().await;
    assert_eq!(ask(up.admin(), "GET", "/incidents", &[], "").await.status, 404);
    assert!(!page(&up, "/").await.contains("/incidents\""), "nor a link to it");
    up.stop().await;
}
