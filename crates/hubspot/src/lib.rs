//! HubSpot's rules as plain data and pure functions.
//!
//! Nothing here does I/O, reads a clock, or knows async. Every constant cites where it comes from: `facts §n` is a
//! section of the project's sheet of checked facts, `[DOC x]` is `developers.hubspot.com/docs/x`, `[CL x]` is
//! `developers.hubspot.com/changelog/x`, `[SPEC x]` a file of HubSpot's public OpenAPI collection. What HubSpot
//! leaves open or contradicts is a parameter or is said to be unknown, never a constant.
//!
//! | module | answers |
//! |---|---|
//! | [`object_type`] | what kinds of record exist, under which ids |
//! | [`endpoint`] | what a method and path mean: API family, budgets drawn on, idempotent?, cacheable? |
//! | [`version`] | which API version a path speaks, and until when |
//! | [`sunset`] | which calls stop, when, and what replaces them |
//! | [`limits`] | how much each plan and app kind may send |
//! | [`rate_headers`] | what the limit headers of an answer say |
//! | [`error`] | what an answer that is not a success means |
//! | [`association`] | association type ids, in both directions |
//! | [`scope`] | which scopes a call needs |
//! | [`event_type`] | what webhooks tell of |
//! | [`signature`] | webhook signatures v1, v2, v3 |
//! | [`oauth`] | where a person consents, what is sent for a token, what the answers mean |
//! | [`token`] | token shapes |
//! | [`secret`] | a string that masks itself |

pub mod association;
pub mod endpoint;
pub mod error;
pub mod event_type;
pub mod limits;
pub mod oauth;
pub mod object_type;
pub mod rate_headers;
pub mod scope;
pub mod secret;
pub mod signature;
pub mod sunset;
pub mod token;
pub mod version;
