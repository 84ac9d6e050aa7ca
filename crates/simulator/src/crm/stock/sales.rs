//! Deals, tickets, leads, and the types that hardly need more than a name.

use super::{
    Options, Stock, ValueType, choice, choices, date, datetime, flag, html, long_text, number, text,
};

const fn pipeline(name: &'static str) -> Stock {
    Stock::new(name, "Pipeline", ValueType::Enumeration, "select").options(Options::Pipelines)
}

const fn stage(name: &'static str) -> Stock {
    Stock::new(name, "Stage", ValueType::Enumeration, "radio").options(Options::Stages)
}

pub(super) const DEALS: &[Stock] = &[
    text("dealname", "Deal Name"),
    number("amount", "Amount"),
    pipeline("pipeline"),
    stage("dealstage"),
    datetime("closedate", "Close Date"),
    // Unlike every other type, a deal's create date may be written.
    datetime("createdate", "Create Date"),
    choice("dealtype", "Deal Type", &["newbusiness=New Business", "existingbusiness=Existing Business"]),
    long_text("description", "Deal Description"),
    choice("hs_priority", "Priority", &["low=Low", "medium=Medium", "high=High"]),
    text("deal_currency_code", "Currency"),
    text("closed_lost_reason", "Closed Lost Reason"),
    text("closed_won_reason", "Closed Won Reason"),
    text("hs_next_step", "Next Step"),
    number("hs_acv", "Annual contract value"),
    number("hs_arr", "Annual recurring revenue"),
    number("hs_mrr", "Monthly recurring revenue"),
    number("hs_tcv", "Total contract value"),
    number("hs_deal_stage_probability", "Deal probability").read_only(),
    number("amount_in_home_currency", "Amount in company currency").read_only(),
    number("num_associated_contacts", "Number of Associated Contacts").read_only(),
    flag("hs_is_closed", "Is Deal Closed?").read_only(),
    flag("hs_is_closed_won", "Is Closed Won").read_only(),
    datetime("notes_last_updated", "Last Activity Date").read_only(),
    choices("hs_tag_ids", "Deal Tags", &["hot=Hot", "renewal=Renewal", "at_risk=At risk"]),
];

pub(super) const TICKETS: &[Stock] = &[
    text("subject", "Ticket name"),
    long_text("content", "Ticket description"),
    pipeline("hs_pipeline"),
    stage("hs_pipeline_stage"),
    choice("hs_ticket_priority", "Priority", &["LOW=Low", "MEDIUM=Medium", "HIGH=High", "URGENT=Urgent"]),
    choices(
        "hs_ticket_category",
        "Category",
        &[
            "PRODUCT_ISSUE=Product Issue",
            "BILLING_ISSUE=Billing Issue",
            "FEATURE_REQUEST=Feature Request",
            "GENERAL_INQUIRY=General Inquiry",
        ],
    ),
    choice("source_type", "Source", &["CHAT=Chat", "EMAIL=Email", "FORM=Form", "PHONE=Phone"]),
    long_text("hs_resolution", "Resolution"),
    number("hs_ticket_id", "Ticket ID").read_only(),
    datetime("closed_date", "Close date"),
    datetime("first_agent_reply_date", "First agent reply date"),
    flag("hs_is_closed", "Is closed").read_only(),
];

pub(super) const LEADS: &[Stock] = &[
    text("hs_lead_name", "Lead name"),
    choice(
        "hs_lead_type",
        "Lead type",
        &["NEW_BUSINESS=New business", "RE_ATTEMPTING=Re-attempting", "UPSELL=Upsell"],
    ),
    choice("hs_lead_label", "Lead label", &["WARM=Warm", "HOT=Hot", "COLD=Cold"]),
    pipeline("hs_pipeline"),
    stage("hs_pipeline_stage"),
    text("hs_contact_email", "Contact email"),
];

pub(super) const PIPELINED: &[Stock] = &[
    text("hs_name", "Name"),
    pipeline("hs_pipeline"),
    stage("hs_pipeline_stage"),
    long_text("hs_description", "Description"),
    date("hs_start_date", "Start date"),
    date("hs_target_end_date", "Target end date"),
    number("hs_total_cost", "Total cost"),
];

pub(super) const APPOINTMENTS: &[Stock] = &[
    text("hs_appointment_name", "Appointment name"),
    datetime("hs_appointment_start", "Start"),
    datetime("hs_appointment_end", "End"),
    text("hs_appointment_status", "Status"),
];

pub(super) const COURSES: &[Stock] = &[
    text("hs_course_name", "Course name"),
    text("hs_course_id", "Course ID"),
    html("hs_course_description", "Description"),
];

pub(super) const NAMED: &[Stock] =
    &[text("hs_name", "Name"), long_text("hs_description", "Description"), number("hs_price", "Price")];
