//! Pipelines and their stages, facts §3.6, with the stock ones of a fresh portal.

pub(super) mod api;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::kind::{Kind, Kinds};

#[derive(Debug, Clone)]
pub(super) struct Stage {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) display_order: i64,
    /// Strings only: `probability`, `isClosed`, `ticketState`.
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
}

#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) display_order: i64,
    pub(super) stages: Vec<Stage>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
}

/// One line of `/audit`.
#[derive(Debug, Clone)]
pub(super) struct Audit {
    /// Pipeline id, or stage id.
    pub(super) identifier: String,
    pub(super) action: &'static str,
    pub(super) at: Timestamp,
}

/// The pipelines of every object type.
#[derive(Debug, Default)]
pub(super) struct Pipelines {
    by_kind: BTreeMap<Kind, Vec<Pipeline>>,
    pub(super) audits: Vec<Audit>,
}

impl Pipelines {
    /// Deals `default`, tickets `0` and a short one for every other type that needs a stage.
    pub(super) fn stock(kinds: &Kinds) -> Self {
        let mut pipelines = Self::default();
        for (word, id, label, stages) in STOCK {
            let kind = kinds.find(word).expect("stock pipelines are of stock types");
            pipelines.by_kind.entry(kind).or_default().push(stock_pipeline(id, label, stages));
        }
        pipelines
    }

    pub(super) fn of(&self, kind: Kind) -> &[Pipeline] {
        self.by_kind.get(&kind).map_or(&[], Vec::as_slice)
    }

    pub(super) fn of_mut(&mut self, kind: Kind) -> &mut Vec<Pipeline> {
        self.by_kind.entry(kind).or_default()
    }

    pub(super) fn find(&self, kind: Kind, id: &str) -> Option<&Pipeline> {
        self.of(kind).iter().find(|pipeline| pipeline.id == id)
    }

    /// The pipeline a stage belongs to; stage ids are unique within an object type.
    pub(super) fn owning(&self, kind: Kind, stage_id: &str) -> Option<&Pipeline> {
        self.of(kind).iter().find(|pipeline| pipeline.stage(stage_id).is_some())
    }
}

impl Pipeline {
    pub(super) fn stage(&self, id: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.id == id)
    }
}

type StockStage = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Facts §3.6: the deal and ticket pipelines as observed; the others are ours.
const STOCK: &[(&str, &str, &str, &[StockStage])] = &[
    (
        "deals",
        "default",
        "Sales Pipeline",
        &[
            (
                "appointmentscheduled",
                "Appointment Scheduled",
                &[("isClosed", "false"), ("probability", "0.2")],
            ),
            ("qualifiedtobuy", "Qualified To Buy", &[("isClosed", "false"), ("probability", "0.4")]),
            (
                "presentationscheduled",
                "Presentation Scheduled",
                &[("isClosed", "false"), ("probability", "0.6")],
            ),
            (
                "decisionmakerboughtin",
                "Decision Maker Bought-In",
                &[("isClosed", "false"), ("probability", "0.8")],
            ),
            ("contractsent", "Contract Sent", &[("isClosed", "false"), ("probability", "0.9")]),
            ("closedwon", "Closed Won", &[("isClosed", "true"), ("probability", "1.0")]),
            ("closedlost", "Closed Lost", &[("isClosed", "true"), ("probability", "0.0")]),
        ],
    ),
    (
        "tickets",
        "0",
        "Support Pipeline",
        &[
            ("1", "New", &[("isClosed", "false"), ("ticketState", "OPEN")]),
            ("2", "Waiting on contact", &[("isClosed", "false"), ("ticketState", "OPEN")]),
            ("3", "Waiting on us", &[("isClosed", "false"), ("ticketState", "OPEN")]),
            ("4", "Closed", &[("isClosed", "true"), ("ticketState", "CLOSED")]),
        ],
    ),
    (
        "leads",
        "lead-pipeline-id",
        "Lead pipeline",
        &[
            ("new-stage-id", "New", &[("leadState", "NEW")]),
            ("attempting-stage-id", "Attempting", &[("leadState", "IN_PROGRESS")]),
            ("connected-stage-id", "Connected", &[("leadState", "IN_PROGRESS")]),
            ("qualified-stage-id", "Qualified", &[("leadState", "QUALIFIED")]),
            ("unqualified-stage-id", "Disqualified", &[("leadState", "UNQUALIFIED")]),
        ],
    ),
    (
        "orders",
        "order-pipeline-id",
        "Order pipeline",
        &[
            ("order-open-id", "Open", &[("orderState", "OPEN")]),
            ("order-shipped-id", "Shipped", &[("orderState", "CLOSED")]),
        ],
    ),
    (
        "services",
        "service-pipeline-id",
        "Service pipeline",
        &[
            ("service-new-id", "New", &[("isClosed", "false")]),
            ("service-closed-id", "Closed", &[("isClosed", "true")]),
        ],
    ),
    (
        "projects",
        "project-pipeline-id",
        "Project pipeline",
        &[
            ("project-open-id", "Open", &[("isClosed", "false")]),
            ("project-done-id", "Done", &[("isClosed", "true")]),
        ],
    ),
];

fn stock_pipeline(id: &str, label: &str, stages: &[StockStage]) -> Pipeline {
    let since = Timestamp::UNIX_EPOCH;
    let stages = stages.iter().zip(0..).map(|((id, label, metadata), display_order)| Stage {
        id: (*id).to_owned(),
        label: (*label).to_owned(),
        display_order,
        metadata: metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        created: since,
        updated: since,
    });
    Pipeline {
        id: id.to_owned(),
        label: label.to_owned(),
        display_order: 0,
        stages: stages.collect(),
        created: since,
        updated: since,
    }
}
