//! Webhooks that come twice, late, wrongly signed, or not at all, and requests that only look like them.

use jiff::{SignedDuration, Timestamp};

use super::Effect;
use super::aim::DefaultAim;
use super::catalogue::{Kind, Param, Scene};
use super::params::{BadParam, Params};
use crate::webhooks::Webhooks;
use crate::webhooks::disorder::{Disorder, SignedFor};

#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// On the way, for as long as it lasts.
    Disorder(Disorder),
    /// Somebody changed the app's settings.
    Settings(Tampering),
    /// At once, events of the last while.
    Backlog { events: u64, hours: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tampering {
    Paused,
    Deleted,
    TargetChanged,
}

const NONE: Disorder = Disorder {
    duplicates: 0.0,
    shuffled: false,
    silent: false,
    wrong_secret: false,
    late: 0.0,
    late_seconds: 0.0,
    signed_for: None,
    slow: false,
    unreachable: false,
    forged_per_second: 0.0,
};

pub const KINDS: &[Kind] = &[
    Kind {
        code: "hook.duplicates",
        id: Some("F46"),
        seen: "the same events again, attemptNumber 0, though they were taken",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param { name: "share", meaning: "share of the events that come twice", default: "0.5" }],
        build: |params, _| {
            let duplicates = params.share("share")?.unwrap_or(0.5);
            on_the_way(Disorder { duplicates, ..NONE })
        },
    },
    Kind {
        code: "hook.secret",
        id: Some("F47"),
        seen: "every signature is made with a secret that the receiver does not have",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[],
        build: |_, _| on_the_way(Disorder { wrong_secret: true, ..NONE }),
    },
    Kind {
        code: "hook.uri",
        id: Some("F48"),
        seen: "every signature is for another address than the one that is called",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param { name: "part", meaning: "scheme, host or path", default: "scheme" }],
        build: |params, _| {
            let part = match params.word("part", &["scheme", "host", "path"])? {
                Some("host") => SignedFor::Host,
                Some("path") => SignedFor::Path,
                _ => SignedFor::Scheme,
            };
            on_the_way(Disorder { signed_for: Some(part), ..NONE })
        },
    },
    Kind {
        code: "hook.slow",
        id: Some("F49"),
        seen: "answers count as too late, and the same events come again with a higher attemptNumber",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[],
        build: |_, _| on_the_way(Disorder { slow: true, ..NONE }),
    },
    Kind {
        code: "hook.order",
        id: Some("F50"),
        seen: "events come in another order than they occurred, some much later",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[
            Param { name: "share", meaning: "share of the events that come late", default: "0.3" },
            Param { name: "seconds", meaning: "how late", default: "30" },
        ],
        build: |params, _| {
            let late = params.share("share")?.unwrap_or(0.3);
            let late_seconds = params.number("seconds")?.unwrap_or(30.0).min(86_400.0);
            on_the_way(Disorder { shuffled: true, late, late_seconds, ..NONE })
        },
    },
    Kind {
        code: "hook.subscription",
        id: Some("F51"),
        seen: "silence while records change; the settings say why, and the journal has the events",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param { name: "change", meaning: "paused, deleted or target", default: "paused" }],
        build: |params, _| {
            let tampering = match params.word("change", &["paused", "deleted", "target"])? {
                Some("deleted") => Tampering::Deleted,
                Some("target") => Tampering::TargetChanged,
                _ => Tampering::Paused,
            };
            Ok(vec![Effect::Hook(Trouble::Settings(tampering))])
        },
    },
    Kind {
        code: "hook.unreachable",
        id: Some("F52"),
        seen: "no delivery gets through; each comes again over a day",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[],
        build: |_, _| on_the_way(Disorder { unreachable: true, ..NONE }),
    },
    Kind {
        code: "hook.attack",
        id: Some("F53"),
        seen: "forged, altered and replayed requests among genuine ones",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param { name: "per_second", meaning: "forgeries a second", default: "20" }],
        build: |params, _| {
            let forged_per_second = params.number("per_second")?.unwrap_or(20.0);
            on_the_way(Disorder { forged_per_second, ..NONE })
        },
    },
    Kind {
        code: "hook.backlog",
        id: Some("F54"),
        seen: "many events at once, of the last hours",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[
            Param { name: "events", meaning: "how many", default: "5000" },
            Param { name: "hours", meaning: "how far back", default: "2" },
        ],
        build: backlog,
    },
];

fn on_the_way(disorder: Disorder) -> Result<Vec<Effect>, BadParam> {
    Ok(vec![Effect::Hook(Trouble::Disorder(disorder))])
}

fn backlog(params: Params<'_>, _: &Scene<'_>) -> Result<Vec<Effect>, BadParam> {
    let bounded = |name: &str, default: u64, max: u64| -> Result<u64, BadParam> {
        let wanted = || BadParam { name: name.to_owned(), wanted: format!("a whole number up to {max}") };
        let given = params.whole(name)?.unwrap_or(default);
        (given <= max).then_some(given).ok_or_else(wanted)
    };
    let (events, hours) = (bounded("events", 5_000, 1_000_000)?, bounded("hours", 2, 24)?);
    Ok(vec![Effect::Hook(Trouble::Backlog { events, hours })])
}

/// What the faults in force do to deliveries, together.
pub fn disorder<'a>(effects: impl Iterator<Item = &'a Effect>) -> Disorder {
    effects.fold(Disorder::default(), |sum, effect| match effect {
        Effect::Hook(Trouble::Disorder(disorder)) => sum.and(*disorder),
        Effect::Hook(Trouble::Settings(_) | Trouble::Backlog { .. })
        | Effect::Network(_)
        | Effect::HubSpot(_)
        | Effect::Auth(_)
        | Effect::Grants(_)
        | Effect::Quota(_)
        | Effect::Content(_)
        | Effect::Status(_) => sum,
    })
}

/// How to bring back an app's settings.
#[derive(Debug)]
pub struct Undo(crate::webhooks::Settings);

/// What happens once, when the fault begins.
pub fn inflict(effect: &Effect, webhooks: &mut Webhooks, portal_id: u64, now: Timestamp) -> Option<Undo> {
    let Effect::Hook(trouble) = effect else { return None };
    match trouble {
        Trouble::Disorder(_) => None,
        Trouble::Settings(tampering) => {
            let before = webhooks.settings_now();
            webhooks.tamper(*tampering);
            Some(Undo(before))
        }
        Trouble::Backlog { events, hours } => {
            let back = SignedDuration::from_hours(i64::try_from(*hours).unwrap_or(24));
            webhooks.flood(portal_id, *events, now, back);
            None
        }
    }
}

impl Undo {
    pub fn carry_out(self, webhooks: &mut Webhooks) {
        webhooks.restore(self.0);
    }
}
