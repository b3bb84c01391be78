//! The events of a model joined with new ones.

use crate::catalog::Catalog;
use crate::model::Model;
use crate::profile::MAX_EVENTS;
use crate::rank::Signal;
use crate::train::ingest::{Counts, Data};

/// Stands for an item that is not there any more.
const GONE: u32 = u32::MAX;

/// Old and new together.
pub(super) struct Joined {
    pub(super) data: Data,
    /// By user of `data`: the events of before, if the user has new ones.
    pub(super) before: Vec<Option<Vec<Signal>>>,
    /// By item of `data`: its index in the model.
    pub(super) known: Vec<Option<u32>>,
    /// By item of the model: its index in `data`.
    pub(super) moved: Vec<Option<u32>>,
}

/// What training on all events would have ingested: users and items of both, histories joined
/// as sets, each user's newest. Items that nobody has any more and no catalog lists are left out.
pub(super) fn join(model: &Model, new: &Data, catalog: Option<&Catalog>) -> Joined {
    let old_users: Vec<&str> = model.user_ids().collect();
    let (users, user_old, user_new) = union(&old_users, &new.users);

    let (items, item_old, item_new) = used_items(model, &old_users, new, catalog);
    let mut data = Data {
        users: Vec::new(),
        items,
        signals: Vec::with_capacity(new.signals.len()),
        starts: vec![0],
        counts: counts(model, new.counts),
    };
    let mut before = Vec::with_capacity(users.len());
    let mut old = Vec::new();
    for (old_user, new_user) in user_old.iter().zip(&user_new) {
        old.clear();
        if let Some(user) = old_user {
            model.signals(*user, &mut old);
        }
        for signal in &mut old {
            signal.item = at(&item_old, signal.item);
        }
        let fresh = new_user.map_or(&[][..], |user| events(new, user));
        if fresh.is_empty() {
            data.signals.extend_from_slice(&old);
            before.push(None);
        } else {
            before.push(Some(old.clone()));
            old.extend(fresh.iter().map(|s| Signal {
                item: at(&item_new, s.item),
                ..*s
            }));
            let key = |s: &Signal| (s.timestamp, s.item, s.kind);
            old.sort_by(|a, b| key(a).cmp(&key(b)).then(b.weight.total_cmp(&a.weight)));
            let rows = old.len();
            old.dedup_by(|b, a| key(a) == key(b));
            data.counts.duplicates += rows - old.len();
            let beyond = old.len().saturating_sub(MAX_EVENTS);
            data.counts.beyond_history += beyond;
            data.signals
                .extend_from_slice(old.get(beyond..).unwrap_or(&[]));
        }
        data.starts.push(data.signals.len());
    }
    data.users = users;
    data.counts.unlisted_items = catalog.map_or(0, |c| {
        data.items.iter().filter(|id| !c.contains(id)).count()
    });
    let mut known = vec![None; data.items.len()];
    for (old, &now) in item_old.iter().enumerate() {
        if let Some(slot) = known.get_mut(now as usize) {
            *slot = Some(old as u32);
        }
    }
    let there = |&now: &u32| (now != GONE).then_some(now);
    Joined {
        data,
        before,
        known,
        moved: item_old.iter().map(there).collect(),
    }
}

fn at(map: &[u32], index: u32) -> u32 {
    map.get(index as usize).copied().unwrap_or(0)
}

fn events(data: &Data, user: u32) -> &[Signal] {
    let user = user as usize;
    match (data.starts.get(user), data.starts.get(user + 1)) {
        (Some(&start), Some(&end)) => data.signals.get(start..end).unwrap_or(&[]),
        _ => &[],
    }
}

/// The sum of what the model counted and what came now.
fn counts(model: &Model, now: Counts) -> Counts {
    let then = |name: &str| {
        let counts = model.manifest().get("counts");
        let count = counts
            .and_then(|c| c.get(name))
            .and_then(serde_json::Value::as_u64);
        count.unwrap_or(0) as usize
    };
    Counts {
        rows: now.rows + then("events"),
        rejected: now.rejected + then("rejected"),
        duplicates: now.duplicates + then("duplicates"),
        beyond_history: now.beyond_history + then("beyond_history"),
        unlisted_items: 0,
    }
}

/// Two ascending lists as one; for each entry where it stands in either.
fn union(old: &[&str], new: &[String]) -> (Vec<String>, Vec<Option<u32>>, Vec<Option<u32>>) {
    let mut out = (Vec::with_capacity(old.len()), Vec::new(), Vec::new());
    let (mut a, mut b) = (0usize, 0usize);
    loop {
        let (left, right) = (old.get(a).copied(), new.get(b).map(String::as_str));
        let (take_left, take_right) = match (left, right) {
            (None, None) => return out,
            (Some(_), None) => (true, false),
            (None, Some(_)) => (false, true),
            (Some(left), Some(right)) => (left <= right, right <= left),
        };
        let name = if take_left { left } else { right };
        out.0.push(name.unwrap_or_default().to_owned());
        out.1.push(take_left.then_some(a as u32));
        out.2.push(take_right.then_some(b as u32));
        a += usize::from(take_left);
        b += usize::from(take_right);
    }
}

/// The items that training on everything would have, and where those of the model and of the
/// new events are among them ([`GONE`] if nowhere).
fn used_items(
    model: &Model,
    old_users: &[&str],
    new: &Data,
    catalog: Option<&Catalog>,
) -> (Vec<String>, Vec<u32>, Vec<u32>) {
    let old_items: Vec<&str> = model.items().iter().collect();
    let mut used: Vec<bool> = old_items
        .iter()
        .map(|id| catalog.is_some_and(|c| c.contains(id)))
        .collect();
    let mut signals = Vec::new();
    for user in 0..old_users.len() as u32 {
        model.signals(user, &mut signals);
    }
    for signal in &signals {
        if let Some(flag) = used.get_mut(signal.item as usize) {
            *flag = true;
        }
    }
    // New items come from the events; `ingest` was given the catalog, so from there as well.
    let (names, old_at, new_at) = union(&old_items, &new.items);
    let mut item_old = vec![GONE; old_items.len()];
    let mut item_new = vec![GONE; new.items.len()];
    let mut items = Vec::with_capacity(names.len());
    for ((name, old), fresh) in names.into_iter().zip(old_at).zip(new_at) {
        let was = old.is_some_and(|old| used.get(old as usize) == Some(&true));
        if !was && fresh.is_none() {
            continue;
        }
        for (slot, map) in [(old, &mut item_old), (fresh, &mut item_new)] {
            if let Some(slot) = slot.and_then(|slot| map.get_mut(slot as usize)) {
                *slot = items.len() as u32;
            }
        }
        items.push(name);
    }
    (items, item_old, item_new)
}
