//! A drill as a person makes one: a simulator, a gateway before it, and one command.

use serde_json::Value;

use super::signals::ready;
use super::told::Told;
use crate::house::{Ended, Program, Start, Upstream, ask};

/// Quick to forgive, and to ask; what looks back over minutes would keep it open as long.
const QUICK: &str = "[incidents]\nfront_door_seconds = 1\n\
    [incidents.response]\ncalm_seconds = 2\ndiagnosis_seconds = 1\ndiagnosis_seconds_max = 2\n\
    [incidents.severities]\nnothing_works = \"off\"\nerror_rate = \"off\"\nserver_errors = \"off\"\nburn_fast = \"off\"\n\
    burn_middle = \"off\"\nbreaker_open = \"off\"\n";

fn drilled(up: &Program, sim: &Program, fault: &str, token: &str) -> Start {
    let words = ["incident", "drill", fault, "--json", "--admin", up.admin(), "--gateway", up.url()];
    Start::new(&words).args(&["--sim", sim.url()]).env("HUBSPOT_ACCESS_TOKEN", token)
}

async fn drill(up: &Program, sim: &Program, fault: &str, token: &str) -> Ended {
    drilled(up, sim, fault, token).ended().await
}

/// How many faults the simulator has.
async fn faults(sim: &Program) -> Option<usize> {
    let faults = ask(sim.url(), "GET", "/_sim/faults", &[], "").await.json();
    faults["faults"].as_array().map(Vec::len)
}

fn card(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
}

#[tokio::test]
async fn a_drill_breaks_measures_mends_and_tells_what_was_lost() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let up = ready(told.up(sim.url(), QUICK).env("HUBSPOT_ACCESS_TOKEN", sim.token()), &sim).await;
    // The second is the first's incident, and back: a drill has to tell it all the same.
    let mut ids = Vec::new();
    for fault in ["hubspot.outage_unlisted", "hubspot.outage_unlisted"] {
        let ended = drill(&up, &sim, fault, sim.token()).await;
        let card = card(&ended);
        assert_eq!(
            (ended.code, card["named"].as_str(), &card["right"]),
            (Some(0), Some(fault), &true.into()),
            "{ended:?}"
        );
        for figure in ["detected_s", "diagnosed_s", "first_told_s", "recovered_s"] {
            assert!(card[figure].as_i64().is_some_and(|s| (0..300).contains(&s)), "{figure}: {card:#}");
        }
        let work = &card["work"];
        assert!(work["calls"].as_u64() > Some(0) && work["writes_accepted"].as_u64() > Some(0), "{card:#}");
        assert_eq!((&work["writes_lost"], &work["writes_twice"]), (&0.into(), &0.into()), "{card:#}");
        assert_eq!(faults(&sim).await, Some(0), "it is mended");
        ids.push(card["incident"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    up.stop().await;
}

#[tokio::test]
async fn a_drill_that_is_stopped_leaves_nothing_broken() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let up = ready(told.up(sim.url(), QUICK).env("HUBSPOT_ACCESS_TOKEN", sim.token()), &sim).await;
    // What nobody notices would be waited for.
    let drill = drilled(&up, &sim, "quota.search", sim.token());
    let broken = async { while faults(&sim).await != Some(1) {} };
    let stopped = drill.stopped_after(broken).await;
    assert_eq!((stopped.code, stopped.stderr.contains("stopped")), (Some(1), true), "{stopped:?}");
    assert_eq!(faults(&sim).await, Some(0), "it is mended");
    up.stop().await;
}

/// The control: what shows nowhere is not noticed, and a wrong place is said before anything is broken.
#[tokio::test]
async fn control_a_drill_in_the_wrong_place_breaks_nothing() {
    let (sim, other, told) = (Start::sim().ready().await, Start::sim().ready().await, Told::new().await);
    let up = ready(told.up(sim.url(), QUICK).env("HUBSPOT_ACCESS_TOKEN", sim.token()), &sim).await;
    let wrong =
        drill(&up, &other, "auth.token_revoked", "pat-na1-00000000-0000-4000-8000-000000000000").await;
    assert_eq!((wrong.code, wrong.stderr.contains("does not lead to")), (Some(2), true), "{wrong:?}");
    assert_eq!(faults(&other).await, Some(0));
    let unknown = drill(&up, &sim, "hubspot.sunspots", sim.token()).await;
    assert_eq!((unknown.code, unknown.stderr.contains("does not know")), (Some(2), true), "{unknown:?}");
    for fault in
        ["net.dns", "hook.secret", "hook.order", "hook.unreachable", "hubspot.region", "auth.client_secret"]
    {
        let nowhere = drill(&up, &sim, fault, sim.token()).await;
        let is_said = nowhere.stderr.contains("cannot be drilled here");
        assert_eq!((nowhere.code, is_said, faults(&sim).await), (Some(2), true, Some(0)), "{nowhere:?}");
    }
    let nobody = Upstream::nobody().await;
    let words = ["incident", "drill", "random", "--admin", up.admin(), "--sim", &nobody];
    assert_eq!(Start::new(&words).ended().await.code, Some(3));
    told.after_a_look(&up).await;
    let open = drill(&up, &sim, "random", sim.token()).await;
    assert_eq!((open.code, open.stderr.contains("is open: a job failed")), (Some(1), true), "{open:?}");
    up.stop().await;
}
