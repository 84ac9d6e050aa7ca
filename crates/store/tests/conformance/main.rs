//! What every kind of store does, whatever lies beneath: one suite, run over each of them.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use store::Store;
use store::failure::OpenError;
use tempfile::TempDir;

mod audit;
mod cases;
mod consents;
mod dispatch;
mod grants;
mod incident_cases;
mod journal;
mod late;
mod scopes;
mod server;
mod watch_cases;

/// Where a case's store lies.
pub(crate) enum Ground {
    Directory(TempDir),
    Database(String),
}

impl Ground {
    fn directory() -> Self {
        Self::Directory(tempfile::tempdir().unwrap())
    }

    fn url(&self) -> String {
        match self {
            Self::Directory(directory) => {
                format!("sqlite:{}", directory.path().join("data/hubkeeper.db").display())
            }
            Self::Database(url) => url.clone(),
        }
    }

    /// Opens it, as often as one likes: the thread that writes ends a moment after the last handle.
    pub(crate) async fn open(&self) -> Store {
        loop {
            match Store::open(&self.url()).await {
                Err(OpenError::InUse) => tokio::task::yield_now().await,
                opened => return opened.unwrap(),
            }
        }
    }
}

/// Every case over SQLite as a test of its own, and all over one PostgreSQL server, which takes a second to start.
macro_rules! conform {
    ($($module:ident::$case:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$module::$case(&super::Ground::directory()).await;
                }
            )+
        }

        #[tokio::test]
        async fn postgres() {
            let server = server::Server::start();
            $(
                println!("{}", stringify!($case));
                $module::$case(&Ground::Database(server.database(stringify!($case)).await)).await;
            )+
        }
    };
}

conform! {
    watch_cases::a_credential_is_as_old_as_its_value,
    grants::a_grant_is_renewed_by_one_at_a_time,
    grants::what_is_sealed_opens_with_its_key_alone,
    grants::no_token_lies_in_the_files,
    cases::an_accepted_operation_outlives_the_process,
    cases::operations_of_a_record_go_one_after_the_other_and_others_are_not_held_up,
    cases::one_that_waits_to_be_tried_again_keeps_its_place_before_later_ones,
    cases::a_worker_that_was_too_slow_changes_nothing,
    cases::a_dead_letter_is_edited_and_replayed_and_keeps_its_history,
    cases::what_is_replayed_stands_in_line_again,
    cases::only_what_waits_can_be_cancelled,
    cases::what_was_being_sent_is_found_after_a_crash,
    cases::a_key_is_answered_once_and_for_one_write,
    cases::a_key_that_nobody_ended_was_interrupted,
    cases::an_operation_and_the_answer_to_its_key_are_one_commit,
    cases::lines_are_taken_from_one_by_one,
    cases::settled_ones_are_forgotten_and_undelivered_ones_only_dropped,
    cases::attempts_are_bounded_and_none_is_forgotten_without_a_trace,
    cases::an_event_that_came_before_is_kept_once,
    cases::of_deliveries_at_once_each_event_is_new_in_one,
    cases::one_bad_delivery_does_not_harm_the_others_of_its_group,
    cases::keys_are_forgotten_by_the_time_of_their_event,
    cases::a_hundred_at_once_are_all_kept,
    cases::one_bad_request_does_not_harm_the_others_of_its_group,
    incident_cases::a_step_is_kept_as_a_whole_and_outlives_the_process,
    incident_cases::what_goes_on_is_listed_before_what_is_over,
    incident_cases::messages_of_one_channel_go_in_their_order,
    incident_cases::a_message_whose_sender_died_is_taken_again,
    incident_cases::who_has_the_store_alone_sends_at_once_what_was_being_sent,
    incident_cases::a_sender_that_was_too_slow_ends_nothing,
    dispatch::a_subscriber_begins_with_what_comes_from_now_on_and_keeps_its_place,
    dispatch::one_leads_and_what_another_did_is_refused_whole,
    dispatch::a_lead_that_was_ended_keeps_nothing_more_until_it_is_taken_anew,
    dispatch::letters_of_an_object_are_due_one_after_the_other,
    dispatch::a_dead_letter_waits_for_a_person,
    dispatch::a_stretch_of_the_log_is_sent_again,
    dispatch::a_subscriber_is_switched_off_and_on,
    dispatch::suspects_are_kept_once_and_let_go,
    dispatch::what_is_delivered_goes_in_time_and_nothing_else,
    dispatch::the_number_of_a_delivery_that_is_gone_is_never_given_again,
    dispatch::a_bookmark_outlives_the_process,
    audit::acts_are_kept_in_one_chain_however_many_at_once,
    audit::an_act_reads_as_it_was_told_and_people_by_their_hash,
    journal::an_event_that_comes_both_ways_is_new_once,
    journal::two_webhooks_that_say_the_same_are_two_events,
    journal::what_came_before_anybody_asked_can_be_remembered,
    journal::a_gap_grows_and_is_told,
    scopes::days_are_added_up_and_forgotten,
    consents::whoever_comes_back_is_known_once_and_in_time,
    journal::one_has_a_lease_until_its_time_is_up,
    watch_cases::letters_to_the_room_are_taken_once_in_their_order,
}

#[tokio::test]
async fn a_second_process_is_kept_out() {
    let ground = Ground::directory();
    let _store = ground.open().await;
    assert!(matches!(Store::open(&ground.url()).await, Err(OpenError::InUse)));
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    for url in ["mysql://x", "sqlite:", ""] {
        assert!(matches!(Store::open(url).await, Err(OpenError::Url(_))), "{url}");
    }
}
