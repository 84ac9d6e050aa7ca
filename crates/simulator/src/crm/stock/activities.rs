//! Notes, tasks, calls, meetings, e-mails, messages, postal mail: facts §3.3, engagements are ordinary objects.

use super::{Stock, choice, datetime, html, long_text, number, text};

const WHEN: Stock = datetime("hs_timestamp", "Activity date");
const ATTACHMENTS: Stock = text("hs_attachment_ids", "Attached file IDs");

pub(super) const NOTES: &[Stock] = &[WHEN, html("hs_note_body", "Note body"), ATTACHMENTS];

pub(super) const TASKS: &[Stock] = &[
    WHEN,
    text("hs_task_subject", "Task Title"),
    html("hs_task_body", "Task Notes"),
    choice(
        "hs_task_status",
        "Task Status",
        &[
            "NOT_STARTED=Not started",
            "IN_PROGRESS=In progress",
            "WAITING=Waiting",
            "COMPLETED=Completed",
            "DEFERRED=Deferred",
        ],
    ),
    choice("hs_task_priority", "Priority", &["NONE=None", "LOW=Low", "MEDIUM=Medium", "HIGH=High"]),
    choice("hs_task_type", "Task Type", &["EMAIL=Email", "CALL=Call", "TODO=To-do", "LINKED_IN=LinkedIn"]),
    text("hs_task_reminders", "Reminders"),
    datetime("hs_task_completion_date", "Completed at").read_only(),
];

pub(super) const CALLS: &[Stock] = &[
    WHEN,
    text("hs_call_title", "Call Title"),
    html("hs_call_body", "Call notes"),
    number("hs_call_duration", "Call duration"),
    text("hs_call_from_number", "From Number"),
    text("hs_call_to_number", "To Number"),
    text("hs_call_recording_url", "Recording URL"),
    text("hs_call_callee_object_id", "Callee object ID"),
    choice("hs_call_direction", "Call direction", &["INBOUND=Inbound", "OUTBOUND=Outbound"]),
    choice(
        "hs_call_status",
        "Call status",
        &[
            "BUSY",
            "CALLING_CRM_USER",
            "CANCELED",
            "COMPLETED",
            "CONNECTING",
            "FAILED",
            "IN_PROGRESS",
            "MISSED",
            "NO_ANSWER",
            "QUEUED",
            "RINGING",
        ],
    ),
    text("hs_call_disposition", "Call outcome"),
    ATTACHMENTS,
];

pub(super) const MEETINGS: &[Stock] = &[
    WHEN,
    text("hs_meeting_title", "Meeting name"),
    html("hs_meeting_body", "Meeting description"),
    html("hs_internal_meeting_notes", "Internal meeting notes"),
    text("hs_meeting_location", "Meeting location"),
    text("hs_meeting_external_url", "External URL"),
    datetime("hs_meeting_start_time", "Start time"),
    datetime("hs_meeting_end_time", "End time"),
    choice(
        "hs_meeting_outcome",
        "Meeting outcome",
        &["SCHEDULED", "COMPLETED", "RESCHEDULED", "NO_SHOW", "CANCELED"],
    ),
    ATTACHMENTS,
];

pub(super) const EMAILS: &[Stock] = &[
    WHEN,
    text("hs_email_subject", "Email subject"),
    long_text("hs_email_text", "Text body"),
    html("hs_email_html", "HTML body"),
    choice(
        "hs_email_direction",
        "Email direction",
        &["EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL", "DRAFT_EMAIL"],
    ),
    choice("hs_email_status", "Email send status", &["BOUNCED", "FAILED", "SCHEDULED", "SENDING", "SENT"]),
    long_text("hs_email_headers", "Email headers"),
    text("hs_email_from_email", "From").read_only(),
    text("hs_email_to_email", "To").read_only(),
    ATTACHMENTS,
];

pub(super) const COMMUNICATIONS: &[Stock] = &[
    WHEN,
    html("hs_communication_body", "Message"),
    choice("hs_communication_channel_type", "Channel", &["WHATS_APP", "LINKEDIN_MESSAGE", "SMS"]),
    choice("hs_communication_logged_from", "Logged from", &["CRM"]),
    ATTACHMENTS,
];

pub(super) const POSTAL_MAIL: &[Stock] = &[
    WHEN,
    html("hs_postal_mail_body", "Postal mail body"),
    text("hs_body_preview", "Preview").read_only(),
    ATTACHMENTS,
];
