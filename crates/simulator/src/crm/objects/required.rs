//! Properties a create cannot go without, facts §3.3 [DOC using-object-apis].

use super::super::Requirements;
use super::super::kind::KindInfo;

/// Sets of names; of each set at least one must have a value.
type AnyOf = &'static [&'static str];

const WHEN: AnyOf = &["hs_timestamp"];
const PIPELINED: &[AnyOf] = &[&["hs_name"], &["hs_pipeline"], &["hs_pipeline_stage"]];

/// What the portal's own rule requires besides a schema's `requiredProperties`.
pub(super) fn of(info: &KindInfo, requirements: Requirements) -> &'static [AnyOf] {
    match requirements {
        Requirements::Observed => observed(&info.plural),
        Requirements::Documented => documented(&info.plural),
    }
}

fn observed(plural: &str) -> &'static [AnyOf] {
    match plural {
        "companies" => &[&["name", "domain"]],
        "notes" | "tasks" | "calls" | "meetings" | "postal_mail" => &[WHEN],
        "emails" => &[WHEN, &["hs_email_direction"]],
        "communications" => &[WHEN, &["hs_communication_channel_type"]],
        _ => &[],
    }
}

fn documented(plural: &str) -> &'static [AnyOf] {
    match plural {
        "deals" => &[&["dealname"], &["dealstage"], &["pipeline"]],
        "tickets" => &[&["subject"], &["hs_pipeline"], &["hs_pipeline_stage"]],
        "invoices" => &[&["hs_currency"]],
        "orders" => &[&["hs_order_name"]],
        "quotes" => &[&["hs_title"], &["hs_expiration_date"]],
        "products" => &[&["hs_sku"], &["hs_folder"], &["price"], &["name"], &["description"]],
        "appointments" => &[&["hs_appointment_name"]],
        "courses" => &[&["hs_course_name"]],
        "listings" => &[&["hs_name"]],
        "services" | "projects" => PIPELINED,
        // The table counts six; the sixth is not named in our sources.
        "leads" => &[
            &["hs_lead_name"],
            &["hs_lead_type"],
            &["hs_lead_label"],
            &["hs_pipeline"],
            &["hs_pipeline_stage"],
        ],
        "users" => &[&["hs_internal_user_id"], &["hs_email"]],
        _ => observed(plural),
    }
}
