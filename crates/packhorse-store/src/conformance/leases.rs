//! Leases: claim, renew, finish, abort.

use std::sync::Arc;

use packhorse_core::event::Actor;
use packhorse_core::id::{Epoch, JobId};
use packhorse_core::job::{Location, Progress};

use super::words::{TTL, account, at, claim, counts, finish, held, holder, job, snapshot, update};
use crate::{Abort, Error, Finish, Store};

fn abort(code: Progress) -> Abort {
    Abort {
        code,
        reason: "it hums".to_owned(),
        counts: counts(1, 0),
        log: None,
    }
}

pub(super) async fn a_claim_gives_the_job_and_its_owners_key(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let claimed = store.claim(claim(&id, "dock"), at(2)).await.unwrap();
    assert_eq!(claimed.epoch, Epoch(1));
    assert_eq!(claimed.job.manifest.expose(), "manifest");
    assert_eq!(claimed.job.state.location, Location::AtAWS);
    assert_eq!(claimed.job.state.progress, Progress::InProgress);
    assert_eq!(claimed.owner_key.id, alice.id);
    assert!(claimed.owner_key.secret.matches(alice.secret.expose()));
    let lease = store.find_job(&id).await.unwrap().unwrap().lease.unwrap();
    assert_eq!(
        (lease.station.as_str(), lease.device.as_str()),
        ("dock", "disk-1")
    );
    assert_eq!(lease.until, at(62));
    let unknown = claim(&JobId::parse("ZZZZZZZZ").unwrap(), "dock");
    assert!(matches!(
        store.claim(unknown, at(2)).await,
        Err(Error::UnknownJob)
    ));
}

pub(super) async fn a_job_of_another_kind_is_not_lent(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let export = update(&alice, "an export");
    store.update_job(&id, export, at(2)).await.unwrap();
    let before = snapshot(&store, &id).await;
    let lent = store.claim(claim(&id, "dock"), at(3)).await;
    assert!(matches!(lent, Err(Error::Conflict)), "{lent:?}");
    assert_eq!(snapshot(&store, &id).await, before);
}

pub(super) async fn of_many_claims_one_wins(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let tasks: Vec<_> = (0..32)
        .map(|n| {
            let (store, claim) = (store.clone(), claim(&id, &format!("dock-{n}")));
            tokio::spawn(async move { store.claim(claim, at(2)).await })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => won += 1,
            Err(Error::Leased { until }) => assert_eq!(until, at(62)),
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(store.events(&id).await.unwrap().len(), 2);
}

pub(super) async fn a_lapsed_lease_can_be_claimed_by_another(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let lost = store.claim(claim(&id, "dock-1"), at(0)).await.unwrap();
    let early = store.claim(claim(&id, "dock-2"), at(59)).await;
    assert!(matches!(early, Err(Error::Leased { .. })));
    let taken = store.claim(claim(&id, "dock-2"), at(60)).await.unwrap();
    assert_eq!(taken.epoch, Epoch(2));
    let late = store
        .finish(&holder(&lost, "dock-1"), finish(1, 0), at(61))
        .await;
    assert!(matches!(late, Err(Error::StaleEpoch)));
    store
        .finish(&holder(&taken, "dock-2"), finish(1, 0), at(61))
        .await
        .unwrap();
}

pub(super) async fn the_same_station_takes_its_own_job_over(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let first = store.claim(claim(&id, "dock"), at(0)).await.unwrap();
    let second = store.claim(claim(&id, "dock"), at(1)).await.unwrap();
    assert_eq!((first.epoch, second.epoch), (Epoch(1), Epoch(2)));
    let stale = store
        .renew(&holder(&first, "dock"), counts(1, 0), TTL, at(2))
        .await;
    assert!(matches!(stale, Err(Error::StaleEpoch)));
}

pub(super) async fn a_stale_epoch_is_refused_and_changes_nothing(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let unclaimed = held(&id, "dock", Epoch(0));
    let early = store.renew(&unclaimed, counts(1, 0), TTL, at(2)).await;
    assert!(matches!(early, Err(Error::StaleEpoch)));
    store.claim(claim(&id, "dock"), at(0)).await.unwrap();
    store.claim(claim(&id, "dock"), at(1)).await.unwrap();
    let before = snapshot(&store, &id).await;
    for wrong in [
        held(&id, "dock", Epoch(1)),
        held(&id, "dock", Epoch(3)),
        held(&id, "dock", Epoch(-1)),
        held(&id, "another", Epoch(2)),
    ] {
        let refused = [
            store.renew(&wrong, counts(9, 9), TTL, at(2)).await.err(),
            store.finish(&wrong, finish(9, 9), at(2)).await.err(),
            store
                .abort(&wrong, abort(Progress::DeviceError), at(2))
                .await
                .err(),
        ];
        for error in refused {
            assert!(matches!(error, Some(Error::StaleEpoch)), "{error:?}");
        }
    }
    assert_eq!(snapshot(&store, &id).await, before);
}

pub(super) async fn renewing_keeps_others_away_and_records_progress(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let claimed = store.claim(claim(&id, "dock"), at(0)).await.unwrap();
    let holder = holder(&claimed, "dock");
    store
        .renew(&holder, counts(7, 1), TTL, at(50))
        .await
        .unwrap();
    let job = store.find_job(&id).await.unwrap().unwrap();
    assert_eq!((job.counts, job.updated_at), (counts(7, 1), at(50)));
    let other = store.claim(claim(&id, "dock-2"), at(100)).await;
    assert!(matches!(other, Err(Error::Leased { until }) if until == at(110)));
    // Nobody else came: even a lapsed lease goes on.
    store
        .renew(&holder, counts(8, 1), TTL, at(500))
        .await
        .unwrap();
    assert_eq!(
        store.events(&id).await.unwrap().len(),
        2,
        "renewals are no events"
    );
}

pub(super) async fn finishing_ends_the_job_and_may_be_repeated(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let claimed = store.claim(claim(&id, "dock"), at(0)).await.unwrap();
    let holder = holder(&claimed, "dock");
    let done = store.finish(&holder, finish(5, 0), at(10)).await.unwrap();
    assert_eq!(done, Progress::Complete);
    let before = snapshot(&store, &id).await;
    let again = store.finish(&holder, finish(5, 0), at(20)).await.unwrap();
    assert_eq!(again, Progress::Complete);
    let different = Finish {
        counts: counts(4, 0),
        ..finish(4, 0)
    };
    let refused = [
        store.finish(&holder, different, at(20)).await.err(),
        store
            .abort(&holder, abort(Progress::DeviceError), at(20))
            .await
            .err(),
    ];
    for error in refused {
        assert!(matches!(error, Some(Error::State(_))), "{error:?}");
    }
    let renewed = store.renew(&holder, counts(6, 0), TTL, at(20)).await;
    assert!(matches!(renewed, Err(Error::StaleEpoch)));
    assert_eq!(snapshot(&store, &id).await, before);
    let job = store.find_job(&id).await.unwrap().unwrap();
    assert_eq!(job.log.unwrap().key, "import-log-X");
    assert!(job.lease.is_none());
}

pub(super) async fn failures_make_the_job_successful_with_errors(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let claimed = store.claim(claim(&id, "dock"), at(0)).await.unwrap();
    let done = store
        .finish(&holder(&claimed, "dock"), finish(5, 2), at(10))
        .await
        .unwrap();
    assert_eq!(done, Progress::SuccessWithErrors);
    assert_eq!(store.find_job(&id).await.unwrap().unwrap().counts.failed, 2);
}

pub(super) async fn aborting_ends_the_job_with_its_code(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let claimed = store.claim(claim(&id, "dock"), at(0)).await.unwrap();
    let holder = holder(&claimed, "dock");
    let no_code = store.abort(&holder, abort(Progress::Complete), at(1)).await;
    assert!(matches!(no_code, Err(Error::State(_))));
    let code = Progress::UnsupportedFileFormat;
    assert_eq!(
        store.abort(&holder, abort(code), at(1)).await.unwrap(),
        code
    );
    assert_eq!(
        store.abort(&holder, abort(code), at(9)).await.unwrap(),
        code
    );
    let events = store.events(&id).await.unwrap();
    assert_eq!(events.len(), 3);
    assert_eq!(events[2].0.what, "UnsupportedFileFormat");
    assert!(events[2].0.detail.contains("it hums"));
}

pub(super) async fn only_a_job_that_was_never_claimed_is_aborted_without_a_lease(
    store: Arc<dyn Store>,
) {
    let alice = account(&store, "alice").await;
    let held = job(&store, &alice).await.id;
    let waiting = job(&store, &alice).await.id;
    store.claim(claim(&held, "dock"), at(0)).await.unwrap();
    let before = snapshot(&store, &held).await;
    let reject = |id: &JobId, code, second| {
        let (store, id) = (store.clone(), id.clone());
        let actor = Actor::Station("dock".to_owned());
        async move {
            store
                .abort_unclaimed(&id, code, "no", actor, at(second))
                .await
        }
    };
    let code = Progress::InvalidSignature;
    for second in [30, 1000] {
        let refused = reject(&held, code, second).await;
        assert!(matches!(refused, Err(Error::Leased { .. })));
    }
    assert_eq!(snapshot(&store, &held).await, before);
    for second in [1, 2] {
        assert_eq!(reject(&waiting, code, second).await.unwrap(), code);
    }
    assert_eq!(store.events(&waiting).await.unwrap().len(), 2);
    let other = reject(&waiting, Progress::DeviceError, 3).await;
    assert!(matches!(other, Err(Error::State(_))));
}

pub(super) async fn a_claimed_job_can_be_neither_updated_nor_canceled(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    store.claim(claim(&id, "dock"), at(0)).await.unwrap();
    let before = snapshot(&store, &id).await;
    let updated = store.update_job(&id, update(&alice, "x"), at(1)).await;
    assert!(matches!(updated, Err(Error::State(_))));
    let canceled = store.cancel_job(alice.account, &id, &alice.id, at(1)).await;
    assert!(matches!(canceled, Err(Error::State(_))));
    assert_eq!(snapshot(&store, &id).await, before);
    assert!(
        store
            .revision(alice.account, &id, 2)
            .await
            .unwrap()
            .is_none()
    );
}

pub(super) async fn jobs_that_are_over_cannot_be_claimed(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let loaded = job(&store, &alice).await.id;
    let claimed = store.claim(claim(&loaded, "dock"), at(2)).await.unwrap();
    store
        .finish(&holder(&claimed, "dock"), finish(1, 0), at(3))
        .await
        .unwrap();
    let expired = job(&store, &alice).await.id;
    store.expire_jobs(at(2), 9, at(3)).await.unwrap();
    for (id, progress) in [(loaded, Progress::Complete), (expired, Progress::Expired)] {
        match store.claim(claim(&id, "dock"), at(4)).await {
            Err(Error::State(forbidden)) => assert_eq!(forbidden.from.progress, progress),
            other => panic!("{other:?}"),
        }
    }
}

pub(super) async fn the_owners_key_follows_rotation(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let new = store.rotate_account("alice", at(1)).await.unwrap();
    let claimed = store.claim(claim(&id, "dock"), at(2)).await.unwrap();
    assert_eq!(claimed.owner_key.id, new.id);
    assert!(claimed.owner_key.secret.matches(new.secret.expose()));
}

pub(super) async fn an_owner_without_a_key_blocks_the_claim(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    store.disable_account("alice").await.unwrap();
    let before = snapshot(&store, &id).await;
    let refused = store.claim(claim(&id, "dock"), at(2)).await;
    assert!(matches!(refused, Err(Error::NoOwnerKey)));
    assert_eq!(snapshot(&store, &id).await, before);
}
