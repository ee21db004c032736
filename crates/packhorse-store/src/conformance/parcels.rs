//! Devices that come and go, and loads that are given up.

use std::sync::Arc;

use packhorse_core::event::Actor;
use packhorse_core::id::JobId;
use packhorse_core::job::{Location, Progress, State};

use super::words::{account, at, claim, counts, finish, holder, job, snapshot};
use crate::{Erasure, Error, Parcel, Store};

fn operator() -> Actor {
    Actor::Station("dock".to_owned())
}

fn parcel(tracking_number: &str) -> Parcel {
    Parcel {
        carrier: "Pony Express".to_owned(),
        tracking_number: tracking_number.to_owned(),
    }
}

fn state(location: Location, progress: Progress) -> State {
    State { location, progress }
}

async fn what_happened(store: &Arc<dyn Store>, id: &JobId) -> Vec<(String, String)> {
    store.verify_events(id).await.unwrap();
    let events = store.events(id).await.unwrap();
    let said = |(event, _): (packhorse_core::event::Event, _)| (event.what, event.detail);
    events.into_iter().map(said).collect()
}

pub(super) async fn a_parcel_that_came_is_noted_once(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let came = store.receive(&id, "bay 4", operator(), at(5)).await;
    assert_eq!(came.unwrap(), state(Location::AtAWS, Progress::Pending));
    let before = snapshot(&store, &id).await;
    let again = store.receive(&id, "bay 5", operator(), at(6)).await;
    assert_eq!(again.unwrap(), state(Location::AtAWS, Progress::Pending));
    assert_eq!(snapshot(&store, &id).await, before);
    let last = what_happened(&store, &id).await.pop();
    assert_eq!(last, Some(("Receive".to_owned(), "bay 4".to_owned())));
    // It does not expire any more, and may still be changed and loaded.
    assert!(store.expire_jobs(at(9), 9, at(9)).await.unwrap().is_empty());
    store.claim(claim(&id, "dock"), at(10)).await.unwrap();
    let loading = store.receive(&id, "", operator(), at(11)).await;
    assert_eq!(
        loading.unwrap(),
        state(Location::AtAWS, Progress::InProgress)
    );
    let unknown = JobId::parse("ZZZZZZZZ").unwrap();
    let refused = store.receive(&unknown, "", operator(), at(12)).await;
    assert!(matches!(refused, Err(Error::UnknownJob)));
}

pub(super) async fn what_is_at_the_dock_is_listed_the_newest_change_first(store: Arc<dyn Store>) {
    let (alice, bob) = (account(&store, "alice").await, account(&store, "bob").await);
    let mut ids = Vec::new();
    for owner in [&alice, &bob, &alice] {
        ids.push(job(&store, owner).await.id);
    }
    assert_eq!(store.jobs_here(10).await.unwrap(), []);
    for (id, time) in ids.iter().zip([7, 9, 8]) {
        store.receive(id, "", operator(), at(time)).await.unwrap();
    }
    let listed = |jobs: Vec<crate::HereJob>| jobs.into_iter().map(|job| job.id).collect::<Vec<_>>();
    let expected = [&ids[1], &ids[2], &ids[0]].map(JobId::clone);
    assert_eq!(listed(store.jobs_here(10).await.unwrap()), expected);
    assert_eq!(listed(store.jobs_here(2).await.unwrap()), expected[..2]);
}

pub(super) async fn a_parcel_that_came_too_late_is_noted_too(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    store
        .cancel_job(alice.account, &id, &alice.id, at(2))
        .await
        .unwrap();
    let came = store.receive(&id, "", operator(), at(3)).await.unwrap();
    assert_eq!(came, state(Location::AtAWS, Progress::Canceled));
    let gone = store.send_back(&id, parcel("1"), operator(), at(4)).await;
    assert_eq!(gone.unwrap(), state(Location::Returned, Progress::Canceled));
    let before = snapshot(&store, &id).await;
    let again = store.receive(&id, "", operator(), at(5)).await;
    assert!(matches!(again, Err(Error::State(_))), "{again:?}");
    assert_eq!(snapshot(&store, &id).await, before);
}

pub(super) async fn a_device_goes_back_when_its_job_is_over(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let back = |number: &str, second| {
        let (store, id, parcel) = (store.clone(), id.clone(), parcel(number));
        async move { store.send_back(&id, parcel, operator(), at(second)).await }
    };
    let before = snapshot(&store, &id).await;
    assert!(matches!(back("1", 2).await, Err(Error::State(_))));
    assert_eq!(snapshot(&store, &id).await, before);
    let claimed = store.claim(claim(&id, "dock"), at(3)).await.unwrap();
    assert!(matches!(back("1", 4).await, Err(Error::State(_))));
    let holder = holder(&claimed, "dock");
    store.finish(&holder, finish(5, 0), at(5)).await.unwrap();
    let over = state(Location::Returned, Progress::Complete);
    assert_eq!(back("1", 6).await.unwrap(), over);
    let job = store.find_job(&id).await.unwrap().unwrap();
    assert_eq!((job.parcel, job.updated_at), (Some(parcel("1")), at(6)));
    assert_eq!(job.counts, counts(5, 0));
    let once = snapshot(&store, &id).await;
    assert_eq!(back("1", 7).await.unwrap(), over);
    assert_eq!(
        snapshot(&store, &id).await,
        once,
        "the same again is nothing"
    );
    assert_eq!(back("2", 8).await.unwrap(), over, "a number is corrected");
    let job = store.find_job(&id).await.unwrap().unwrap();
    assert_eq!((job.parcel, job.state), (Some(parcel("2")), over));
    let said = what_happened(&store, &id).await;
    let returns: Vec<_> = said.iter().filter(|(what, _)| what == "Return").collect();
    let details: Vec<_> = returns.iter().map(|(_, detail)| detail.as_str()).collect();
    assert_eq!(details, ["Pony Express 1", "Pony Express 2"]);
    // The end of the load is still known for what it is.
    let again = store.finish(&holder, finish(5, 0), at(9)).await.unwrap();
    assert_eq!(again, Progress::Complete);
}

pub(super) async fn a_load_that_nobody_goes_on_with_is_given_up(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let claimed = store.claim(claim(&id, "dock-1"), at(0)).await.unwrap();
    let holder = holder(&claimed, "dock-1");
    let give_up = |code, second| {
        let (store, id) = (store.clone(), id.clone());
        async move {
            store
                .give_up(&id, code, "the bucket is gone", operator(), at(second))
                .await
        }
    };
    let code = Progress::DeviceError;
    let before = snapshot(&store, &id).await;
    let early = give_up(code, 59).await;
    assert!(matches!(early, Err(Error::Leased { until }) if until == at(60)));
    let no_code = give_up(Progress::Complete, 60).await;
    assert!(matches!(no_code, Err(Error::State(_))));
    assert_eq!(snapshot(&store, &id).await, before);
    assert_eq!(give_up(code, 60).await.unwrap(), code);
    let once = snapshot(&store, &id).await;
    assert_eq!(give_up(code, 61).await.unwrap(), code);
    assert_eq!(snapshot(&store, &id).await, once);
    let last = what_happened(&store, &id).await.pop().unwrap();
    assert_eq!(last.1, "the bucket is gone");
    // Who held the lease learns that it is over.
    let late = store.finish(&holder, finish(5, 0), at(62)).await;
    assert!(matches!(late, Err(Error::State(_))), "{late:?}");
    let late = store.claim(claim(&id, "dock-2"), at(63)).await;
    assert!(matches!(late, Err(Error::State(_))));
    let other = give_up(Progress::MissingDevice, 64).await;
    assert!(matches!(other, Err(Error::State(_))));
    // So is a job that nobody ever claimed.
    let waiting = job(&store, &alice).await.id;
    let ended = store.give_up(&waiting, code, "", operator(), at(65)).await;
    assert_eq!(ended.unwrap(), code);
}

pub(super) async fn only_a_device_whose_job_is_over_may_be_erased(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    let erase = |erasure, at| store.record_erasure(&id, erasure, operator(), "zeros", at);
    let early = erase(Erasure::Begun, at(1)).await;
    assert!(
        matches!(early, Err(Error::NotOver(Progress::Pending))),
        "{early:?}"
    );
    let claimed = store.claim(claim(&id, "dock"), at(2)).await.unwrap();
    let early = erase(Erasure::Begun, at(3)).await;
    assert!(
        matches!(early, Err(Error::NotOver(Progress::InProgress))),
        "{early:?}"
    );
    let holder = holder(&claimed, "dock");
    store.finish(&holder, finish(2, 0), at(4)).await.unwrap();
    for (erasure, time) in [
        (Erasure::Begun, 5),
        (Erasure::Failed, 6),
        (Erasure::Done, 7),
    ] {
        let reached = erase(erasure, at(time)).await.unwrap();
        assert_eq!(reached, state(Location::AtAWS, Progress::Complete));
    }
    let happened = what_happened(&store, &id).await;
    let last: Vec<_> = happened
        .iter()
        .rev()
        .take(3)
        .map(|it| it.0.as_str())
        .collect();
    assert_eq!(last, ["Erased", "EraseFailed", "Erase"]);
    let other = job(&store, &alice).await.id;
    let cancel = store.cancel_job(alice.account, &other, &alice.id, at(8));
    cancel.await.unwrap();
    let refused = store.record_erasure(&other, Erasure::Begun, operator(), "", at(9));
    assert!(matches!(
        refused.await,
        Err(Error::NotOver(Progress::Canceled))
    ));
}
