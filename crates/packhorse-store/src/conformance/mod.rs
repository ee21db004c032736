//! What every backend must do, as a suite that runs on any of them.
//!
//! Each case gets a store of its own, empty. A failing case panics with what it found.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a suite of tests, compiled only for tests"
)]

mod accounts;
mod jobs;
mod leases;
mod locks;
mod parcels;
mod words;

use std::pin::Pin;
use std::sync::Arc;

use crate::Store;

/// A case that runs.
type Run = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A case and its name.
pub struct Case {
    /// A sentence.
    pub name: &'static str,
    run: fn(Arc<dyn Store>) -> Run,
}

impl Case {
    /// Runs on an empty store.
    pub fn run(&self, store: Arc<dyn Store>) -> Run {
        (self.run)(store)
    }
}

/// Lists the cases; each stands in one of the modules above.
macro_rules! cases {
    ($($module:ident { $($name:ident,)* })*) => {
        /// Every case.
        pub fn cases() -> Vec<Case> {
            vec![$($(Case {
                name: stringify!($name),
                run: |store| Box::pin($module::$name(store)),
            },)*)*]
        }
    };
}

cases! {
    accounts {
        a_created_account_is_found_by_its_key,
        names_and_keys_are_unique_and_sane,
        rotating_gives_a_new_key_and_disables_the_old,
        a_disabled_account_has_no_enabled_key_until_it_is_enabled,
        a_station_is_found_by_its_key_alone,
        a_session_that_was_ended_is_remembered_until_its_time,
        the_store_answers_a_ping,
    }
    jobs {
        a_created_job_is_read_back,
        a_request_that_comes_twice_makes_one_job,
        another_accounts_job_is_unknown_to_every_verb,
        an_update_replaces_the_manifest_and_keeps_the_former,
        a_canceled_job_stays_canceled,
        the_daily_quota_is_kept_and_moves_on,
        updates_of_one_job_are_counted,
        pages_are_newest_first_and_complete,
        two_thousand_jobs_are_paged_without_loss,
        only_jobs_that_waited_too_long_expire,
        every_change_is_chained,
        refusals_are_noted_but_not_without_end,
        parallel_creations_keep_the_quota,
        a_text_that_holds_nul_is_kept_without_it_and_names_nothing,
    }
    leases {
        a_claim_gives_the_job_and_its_owners_key,
        a_job_of_another_kind_is_not_lent,
        of_many_claims_one_wins,
        a_lapsed_lease_can_be_claimed_by_another,
        the_same_station_takes_its_own_job_over,
        a_stale_epoch_is_refused_and_changes_nothing,
        renewing_keeps_others_away_and_records_progress,
        finishing_ends_the_job_and_may_be_repeated,
        failures_make_the_job_successful_with_errors,
        aborting_ends_the_job_with_its_code,
        only_a_job_that_was_never_claimed_is_aborted_without_a_lease,
        a_claimed_job_can_be_neither_updated_nor_canceled,
        jobs_that_are_over_cannot_be_claimed,
        the_owners_key_follows_rotation,
        an_owner_without_a_key_blocks_the_claim,
    }
    parcels {
        what_is_at_the_dock_is_listed_the_newest_change_first,
        a_parcel_that_came_is_noted_once,
        a_parcel_that_came_too_late_is_noted_too,
        only_a_device_whose_job_is_over_may_be_erased,
        a_device_goes_back_when_its_job_is_over,
        a_load_that_nobody_goes_on_with_is_given_up,
    }
    locks {
        a_locked_device_is_received_and_its_job_waits_with_the_reason,
        a_password_is_kept_until_the_job_is_over,
        only_a_job_that_may_be_loaded_is_locked_or_unlocked,
    }
}
