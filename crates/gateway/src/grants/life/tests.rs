use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn young() -> Life {
    let token = Span { got: now(), end: now() + seconds(1800) };
    Life::new(now()).renewed(token, now(), 0.0)
}

fn after(life: Life, troubles: &[Trouble], climate: Climate) -> Life {
    troubles.iter().fold(life, |life, trouble| life.failed(*trouble, climate, life.next, 0.5))
}

#[test]
fn a_token_is_renewed_with_a_sixth_of_its_life_left_or_a_little_sooner() {
    let token = Span { got: now(), end: now() + seconds(1800) };
    let due = |jitter| Life::new(now()).renewed(token, now(), jitter).next.duration_since(now()).as_secs();
    assert_eq!([due(0.0), due(0.5), due(1.0)], [1500, 1425, 1350]);
    let brief = Span { got: now(), end: now() + seconds(1) };
    assert_eq!(Life::new(now()).renewed(brief, now(), 1.0).next, now() + seconds(5));
}

#[rstest]
#[case::nothing(&[], "ok", None)]
#[case::one_failure(&[Trouble::Unavailable], "degraded", None)]
#[case::our_mistake_never_takes_one_out(&[Trouble::ClientUnknown; 40], "degraded", None)]
#[case::nor_does_an_outage(&[Trouble::Unavailable; 40], "degraded", None)]
#[case::nor_does_a_throttle(&[Trouble::Throttled { retry_after: None }; 40], "degraded", None)]
#[case::dead_once(&[Trouble::RefreshTokenDead], "degraded", None)]
#[case::dead_twice(&[Trouble::RefreshTokenDead; 2], "needs_reauthorisation", Some(Lost::Revoked))]
#[case::not_in_a_row(&[Trouble::RefreshTokenDead, Trouble::Unavailable, Trouble::RefreshTokenDead], "degraded", None)]
#[case::gone(&[Trouble::AccountGone; 2], "uninstalled", Some(Lost::Gone))]
fn what_each_answer_means(#[case] troubles: &[Trouble], #[case] standing: &str, #[case] lost: Option<Lost>) {
    let life = after(young(), troubles, Climate::Calm);
    assert_eq!((life.standing(now()).name(), life.lost()), (standing, lost));
}

#[test]
fn while_all_are_refused_nobody_is_lost_and_who_was_is_found_again() {
    let life = after(young(), &[Trouble::RefreshTokenDead; 30], Climate::Storm);
    assert_eq!(life.standing(now()), Standing::Degraded);
    let lost = after(young(), &[Trouble::RefreshTokenDead; 2], Climate::Calm);
    let at = lost.lost_at.unwrap();
    let found = lost.reprieved(at + seconds(600), 0.5);
    assert_eq!((found.standing(now()), found.next), (Standing::Degraded, at + seconds(660)));
    assert_eq!(lost.reprieved(at + seconds(3600), 0.5), lost, "it was lost before");
}

#[test]
fn a_refused_token_is_renewed_at_once_unless_that_has_just_been_done() {
    assert_eq!(young().refused(now() + seconds(59)), None);
    let refused = young().refused(now() + seconds(61)).unwrap();
    assert!(refused.asks(now() + seconds(61)) && !young().asks(now() + seconds(61)));
    let failing = after(refused, &[Trouble::Unavailable], Climate::Calm);
    assert_eq!(failing.refused(now() + seconds(500)), None, "it is being asked about already");
}

#[test]
fn it_stands_as_its_token_does() {
    let at = |seconds_later| young().standing(now() + seconds(seconds_later)).name();
    assert_eq!([at(0), at(1649), at(1651), at(1800)], ["ok", "ok", "expiring", "degraded"]);
    assert_eq!(Life::new(now()).not_granted(now()).standing(now()), Standing::NotAuthorised);
    let lost = after(young(), &[Trouble::RefreshTokenDead; 2], Climate::Calm);
    assert_eq!(lost.at(now()), now() + seconds(60), "a person may have mended it");
}

proptest! {
    #[test]
    fn waiting_is_bounded_and_grows(failures in 1_usize..60, jitter in 0.0..=1.0_f64) {
        let life = after(young(), &vec![Trouble::Unavailable; failures], Climate::Calm);
        let last = life.failed(Trouble::Unavailable, Climate::Calm, now(), jitter);
        let wait = last.next.duration_since(now());
        prop_assert!(wait >= BACK_OFF / 2 && wait <= BACK_OFF_MAX, "{wait:?}");
    }

    #[test]
    fn a_throttle_is_waited_for(asked in 0_u64..600, jitter in 0.0..=1.0_f64) {
        let retry_after = Some(std::time::Duration::from_secs(asked));
        let life = young().failed(Trouble::Throttled { retry_after }, Climate::Calm, now(), jitter);
        prop_assert!(life.next.duration_since(now()) >= seconds(asked.cast_signed()));
    }
}
