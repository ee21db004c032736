//! Jobs in the hands of their owners; expiry; events.

use std::sync::Arc;

use packhorse_core::event::{Actor, Link};
use packhorse_core::id::JobId;
use packhorse_core::job::{Change, JobType, Progress, State};

use super::words::{account, at, claim, finish, holder, job, new_job, snapshot, update};
use crate::{Error, NewJob, Store, Update};

const DAY: i64 = 24 * 60 * 60;

pub(super) async fn a_created_job_is_read_back(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let new = new_job(&alice, "pinCode: 1234\r\nü");
    let made = store.create_job(new, at(1)).await.unwrap();
    let read = store.job(alice.account, &made.id).await.unwrap();
    assert_eq!(read.manifest.expose(), "pinCode: 1234\r\nü");
    assert_eq!(read.state, State::NEW);
    assert_eq!((read.created_at, read.revision), (at(1), 1));
    assert_eq!(
        (read.access_key_id, read.job_type),
        (alice.id, JobType::Import)
    );
    assert_eq!((read.log, read.lease, read.counts.failed), (None, None, 0));
    let found = store.find_job(&made.id).await.unwrap().unwrap();
    assert_eq!(found.account, alice.account);
    assert!(!format!("{found:?}").contains("1234"));
    let totals = store.job_totals().await.unwrap();
    assert_eq!(totals, [(JobType::Import, Progress::Pending, 1)]);
}

pub(super) async fn a_request_that_comes_twice_makes_one_job(store: Arc<dyn Store>) {
    let (alice, bob) = (account(&store, "alice").await, account(&store, "bob").await);
    let id = JobId::parse("AB12CD34").unwrap();
    let asked = |owner, text| NewJob {
        id: Some(id.clone()),
        ..new_job(owner, text)
    };
    let first = store.create_job(asked(&alice, "a: 1"), at(1)).await;
    assert_eq!(first.unwrap().id, id);
    let again = store
        .create_job(asked(&alice, "a: 2"), at(2))
        .await
        .unwrap();
    assert_eq!((again.manifest.expose(), again.created_at), ("a: 1", at(1)));
    let page = store.list_jobs(alice.account, None, 10).await.unwrap();
    assert_eq!(page.jobs.len(), 1);
    let other = store.create_job(asked(&bob, "b: 1"), at(3)).await.unwrap();
    assert!(other.id != id && other.account == bob.account);
}

pub(super) async fn another_accounts_job_is_unknown_to_every_verb(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let mallory = account(&store, "mallory").await;
    let id = job(&store, &alice).await.id;
    let before = snapshot(&store, &id).await;
    let stranger = mallory.account;
    let unknown = [
        store.job(stranger, &id).await.err(),
        store
            .update_job(&id, update(&mallory, "x"), at(2))
            .await
            .err(),
        store
            .cancel_job(stranger, &id, &mallory.id, at(2))
            .await
            .err(),
        store.list_jobs(stranger, Some(&id), 10).await.err(),
        store.revision(stranger, &id, 1).await.err(),
    ];
    for error in unknown {
        assert!(matches!(error, Some(Error::UnknownJob)), "{error:?}");
    }
    assert!(
        store
            .list_jobs(stranger, None, 10)
            .await
            .unwrap()
            .jobs
            .is_empty()
    );
    assert_eq!(snapshot(&store, &id).await, before);
    let nobodys = JobId::parse("ZZZZZZZZ").unwrap();
    assert!(store.find_job(&nobodys).await.unwrap().is_none());
}

pub(super) async fn an_update_replaces_the_manifest_and_keeps_the_former(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    store
        .update_job(&id, update(&alice, "second"), at(5))
        .await
        .unwrap();
    let now = store.job(alice.account, &id).await.unwrap();
    assert_eq!(now.manifest.expose(), "second");
    assert_eq!((now.revision, now.job_type), (2, JobType::Export));
    assert_eq!((now.created_at, now.updated_at), (at(1), at(5)));
    let first = store
        .revision(alice.account, &id, 1)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (first.manifest.expose(), first.job_type),
        ("manifest", JobType::Import)
    );
    assert_eq!((first.at, first.access_key_id), (at(1), alice.id.clone()));
    assert!(
        store
            .revision(alice.account, &id, 3)
            .await
            .unwrap()
            .is_none()
    );
}

pub(super) async fn a_canceled_job_stays_canceled(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let canceled = store
        .cancel_job(alice.account, &id, &alice.id, at(2))
        .await
        .unwrap();
    assert_eq!(canceled.state.progress, Progress::Canceled);
    let before = snapshot(&store, &id).await;
    let refused = [
        store
            .cancel_job(alice.account, &id, &alice.id, at(3))
            .await
            .err(),
        store
            .update_job(&id, update(&alice, "x"), at(3))
            .await
            .err(),
        store.claim(claim(&id, "dock"), at(3)).await.err(),
    ];
    for error in refused {
        let Some(Error::State(forbidden)) = error else {
            panic!("{error:?}")
        };
        assert_eq!(forbidden.from.progress, Progress::Canceled);
    }
    assert_eq!(snapshot(&store, &id).await, before);
}

pub(super) async fn the_daily_quota_is_kept_and_moves_on(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let bob = account(&store, "bob").await;
    let create = |owner, second| {
        let mut new = new_job(owner, "m");
        new.jobs_per_day = 3;
        store.create_job(new, at(second))
    };
    for second in [0, 10, 20] {
        create(&alice, second).await.unwrap();
    }
    let refused = create(&alice, 30).await;
    assert!(matches!(refused, Err(Error::QuotaExceeded { limit: 3 })));
    create(&bob, 30).await.unwrap();
    create(&alice, DAY + 5).await.unwrap();
    assert!(create(&alice, DAY + 6).await.is_err());
    assert_eq!(
        store
            .list_jobs(alice.account, None, 10)
            .await
            .unwrap()
            .jobs
            .len(),
        4
    );
}

pub(super) async fn updates_of_one_job_are_counted(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    for n in 0..100 {
        store
            .update_job(&id, update(&alice, "m"), at(n))
            .await
            .unwrap();
    }
    let refused = store.update_job(&id, update(&alice, "m"), at(200)).await;
    assert!(matches!(
        refused,
        Err(Error::TooManyRevisions { limit: 100 })
    ));
    store.verify_events(&id).await.unwrap();
}

pub(super) async fn pages_are_newest_first_and_complete(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let mut made = Vec::new();
    for _ in 0..7 {
        // All at one moment: the order of creation alone decides.
        made.push(job(&store, &alice).await.id);
    }
    made.reverse();
    let list = |after: Option<JobId>, limit| {
        let store = store.clone();
        async move {
            store
                .list_jobs(alice.account, after.as_ref(), limit)
                .await
                .unwrap()
        }
    };
    let first = list(None, 3).await;
    let ids: Vec<_> = first.jobs.iter().map(|job| job.id.clone()).collect();
    assert_eq!((ids.as_slice(), first.more), (&made[..3], true));
    let rest = list(Some(made[2].clone()), 4).await;
    assert_eq!((rest.jobs.len(), rest.more), (4, false));
    assert_eq!(rest.jobs[0].id, made[3]);
    let end = list(Some(made[6].clone()), 4).await;
    assert!(end.jobs.is_empty() && !end.more);
    let none = list(None, 0).await;
    assert!(none.jobs.is_empty() && none.more);
}

pub(super) async fn two_thousand_jobs_are_paged_without_loss(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let bob = account(&store, "bob").await;
    for n in 0..2_000 {
        store.create_job(new_job(&alice, "m"), at(n)).await.unwrap();
        if n % 100 == 0 {
            store.create_job(new_job(&bob, "m"), at(n)).await.unwrap();
        }
    }
    let mut marker: Option<JobId> = None;
    let mut seen = std::collections::HashSet::new();
    loop {
        let page = store
            .list_jobs(alice.account, marker.as_ref(), 199)
            .await
            .unwrap();
        assert!(page.jobs.is_sorted_by(|a, b| a.created_at > b.created_at));
        seen.extend(page.jobs.iter().map(|job| job.id.clone()));
        marker = page.jobs.last().map(|job| job.id.clone());
        if !page.more {
            break;
        }
    }
    assert_eq!(seen.len(), 2_000);
}

pub(super) async fn only_jobs_that_waited_too_long_expire(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let create = |second| store.create_job(new_job(&alice, "m"), at(second));
    let old = create(0).await.unwrap().id;
    let older = create(1).await.unwrap().id;
    let canceled = create(2).await.unwrap().id;
    let claimed = create(3).await.unwrap().id;
    let young = create(100).await.unwrap().id;
    store
        .cancel_job(alice.account, &canceled, &alice.id, at(4))
        .await
        .unwrap();
    store.claim(claim(&claimed, "dock"), at(4)).await.unwrap();
    assert_eq!(
        store.expire_jobs(at(100), 1, at(200)).await.unwrap(),
        std::slice::from_ref(&old)
    );
    assert_eq!(
        store.expire_jobs(at(100), 9, at(200)).await.unwrap(),
        [older]
    );
    assert!(
        store
            .expire_jobs(at(100), 9, at(200))
            .await
            .unwrap()
            .is_empty()
    );
    let progress = |id| {
        let store = store.clone();
        async move { store.find_job(&id).await.unwrap().unwrap().state.progress }
    };
    assert_eq!(progress(old.clone()).await, Progress::Expired);
    assert_eq!(progress(canceled).await, Progress::Canceled);
    assert_eq!(progress(claimed).await, Progress::InProgress);
    assert_eq!(progress(young).await, Progress::Pending);
    assert_eq!(store.events(&old).await.unwrap()[1].0.actor, Actor::Server);
}

pub(super) async fn every_change_is_chained(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let second = Update {
        job_type: JobType::Import,
        ..update(&alice, "second")
    };
    store.update_job(&id, second, at(2)).await.unwrap();
    let claimed = store.claim(claim(&id, "dock"), at(3)).await.unwrap();
    store
        .finish(&holder(&claimed, "dock"), finish(2, 1), at(4))
        .await
        .unwrap();
    let events = store.events(&id).await.unwrap();
    let what: Vec<_> = events
        .iter()
        .map(|(event, _)| event.what.as_str())
        .collect();
    let expected = [
        Change::Create,
        Change::Update,
        Change::Claim,
        Change::CompleteWithErrors,
    ];
    assert_eq!(what, expected.map(Change::code));
    assert_eq!(events[0].0.actor, Actor::Customer(alice.id));
    assert_eq!(events[2].0.actor, Actor::Station("dock".to_owned()));
    assert_eq!(events[3].0.at, at(4));
    let mut head = Link::START;
    for (event, link) in &events {
        head = head.after(event);
        assert_eq!(head, *link);
    }
    store.verify_events(&id).await.unwrap();
}

pub(super) async fn refusals_are_noted_but_not_without_end(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let state = store.find_job(&id).await.unwrap().unwrap().state;
    let refuse = |detail: String, second| {
        let (store, id) = (store.clone(), id.clone());
        let actor = Actor::Station("dock".to_owned());
        async move { store.record_refusal(&id, actor, &detail, at(second)).await }
    };
    for second in 0..5 {
        refuse("wrong".to_owned(), second).await.unwrap();
    }
    let events = store.events(&id).await.unwrap();
    assert_eq!(events.len(), 2, "the same refusal is noted once");
    assert_eq!(events[1].0.what, "Refused");
    for second in 0..300 {
        refuse(format!("wrong {second}"), second).await.unwrap();
    }
    assert_eq!(store.events(&id).await.unwrap().len(), 101);
    assert_eq!(store.find_job(&id).await.unwrap().unwrap().state, state);
    store.verify_events(&id).await.unwrap();
    let nobodys = JobId::parse("ZZZZZZZZ").unwrap();
    let unknown = store
        .record_refusal(&nobodys, Actor::Server, "", at(0))
        .await;
    assert!(matches!(unknown, Err(Error::UnknownJob)));
}

pub(super) async fn a_text_that_holds_nul_is_kept_without_it_and_names_nothing(
    store: Arc<dyn Store>,
) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    for second in [2, 3] {
        store
            .record_refusal(&id, Actor::Server, "no\0pe", at(second))
            .await
            .unwrap();
    }
    let events = store.events(&id).await.unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].0.detail, "no\u{fffd}pe");
    let mut wish = claim(&id, "dock");
    wish.device = "disk\0".to_owned();
    let claimed = store.claim(wish, at(4)).await.unwrap();
    assert_eq!(claimed.job.lease.unwrap().device, "disk\u{fffd}");
    store.verify_events(&id).await.unwrap();
    assert!(store.find_access_key("a\0").await.unwrap().is_none());
    let unknown = store.disable_account("alice\0").await;
    assert!(matches!(unknown, Err(Error::UnknownAccount)));
    assert!(store.find_station("\0").await.unwrap().is_none());
}

pub(super) async fn parallel_creations_keep_the_quota(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let mut new = new_job(&alice, "m");
            new.jobs_per_day = 5;
            let store = store.clone();
            tokio::spawn(async move { store.create_job(new, at(1)).await.is_ok() })
        })
        .collect();
    let mut created = 0;
    for task in tasks {
        created += usize::from(task.await.unwrap());
    }
    assert_eq!(created, 5);
    assert_eq!(
        store
            .list_jobs(alice.account, None, 100)
            .await
            .unwrap()
            .jobs
            .len(),
        5
    );
}
