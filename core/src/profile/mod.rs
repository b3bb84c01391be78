//! A user is a history: one small value that merges, travels and can be deleted.
//!
//! A [`Profile`] is a set of events in canonical order, bounded to the newest
//! [`MAX_EVENTS`]. Adding an event and merging two profiles are unions, so they commute, are
//! associative and idempotent: events that arrive late, twice or on two devices give the same
//! state as events that arrive once and in order. There is nothing else to a user, so to forget
//! one is to delete this value.

mod bytes;

use std::cmp::Ordering;

use crate::error::Result;
use crate::event::Event;

/// The most events that a profile keeps: the newest ones.
pub const MAX_EVENTS: usize = 2048;

/// The history of one user.
///
/// ```
/// use tastemaker::{event::Event, profile::Profile};
/// let mut phone = Profile::new();
/// phone.record(&Event::new("venue-1", "view", 1_000))?;
/// let mut laptop = Profile::new();
/// laptop.record(&Event::new("venue-2", "save", 2_000))?;
/// phone.merge(&laptop);
/// let bytes = phone.to_bytes();
/// assert_eq!(Profile::from_bytes(&bytes)?.len(), 2);
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Ascending by (timestamp, item, kind); no two are equal in all three.
    events: Vec<Event>,
}

/// The canonical order. Two events that are equal in it are the same event.
fn order(a: &Event, b: &Event) -> Ordering {
    a.timestamp
        .cmp(&b.timestamp)
        .then_with(|| a.item_id.cmp(&b.item_id))
        .then_with(|| a.kind.cmp(&b.kind))
}

/// The weight as it is kept: with the precision of an `f32`, and without a negative zero.
fn kept(weight: f64) -> f64 {
    f64::from(weight as f32) + 0.0
}

impl Profile {
    /// An empty history.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an event. Returns whether the profile changed: the same event again does not change
    /// it (of two weights for one event the larger one stays), nor does one that is older than
    /// all of [`MAX_EVENTS`] newer ones.
    ///
    /// Cost: a binary search, and a move of the events that are newer.
    ///
    /// # Errors
    /// As [`Event::check`]; the profile is then as it was.
    pub fn record(&mut self, event: &Event) -> Result<bool> {
        event.check()?;
        let mut event = event.clone();
        event.weight = kept(event.weight);
        Ok(self.insert(event))
    }

    fn insert(&mut self, event: Event) -> bool {
        match self.events.binary_search_by(|e| order(e, &event)) {
            Ok(at) => match self.events.get_mut(at) {
                Some(known) if event.weight.total_cmp(&known.weight) == Ordering::Greater => {
                    known.weight = event.weight;
                    true
                }
                _ => false,
            },
            Err(0) if self.events.len() >= MAX_EVENTS => false,
            Err(at) => {
                self.events.insert(at, event);
                if self.events.len() > MAX_EVENTS {
                    self.events.remove(0);
                }
                true
            }
        }
    }

    /// Takes over all events of `other`: two devices of one person, or a session and a store.
    /// Returns whether this profile changed.
    pub fn merge(&mut self, other: &Profile) -> bool {
        if other.events.is_empty() {
            return false;
        }
        let before = std::mem::take(&mut self.events);
        let mut merged: Vec<Event> = Vec::with_capacity(before.len() + other.events.len());
        let (mut left, mut right) = (before.iter().peekable(), other.events.iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (None, None) => break,
                (Some(_), None) => left.next(),
                (None, Some(_)) => right.next(),
                (Some(a), Some(b)) => match order(a, b) {
                    Ordering::Less => left.next(),
                    Ordering::Greater => right.next(),
                    Ordering::Equal => {
                        let (a, b) = (left.next(), right.next());
                        let larger = |x: &Event, y: &Event| x.weight.total_cmp(&y.weight).is_ge();
                        if a.zip(b).is_some_and(|(a, b)| larger(a, b)) {
                            a
                        } else {
                            b
                        }
                    }
                },
            };
            merged.extend(next.cloned());
        }
        let surplus = merged.len().saturating_sub(MAX_EVENTS);
        merged.drain(..surplus);
        let changed = merged != before;
        self.events = merged;
        changed
    }

    /// Removes every event on an item: "forget that I looked at this". Returns how many.
    pub fn forget_item(&mut self, item_id: &str) -> usize {
        let before = self.events.len();
        self.events.retain(|e| e.item_id != item_id);
        before - self.events.len()
    }

    /// The events, ascending by (timestamp, item id, kind).
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// True if there is no event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// A profile of events that are valid and may come in any order, with repeats.
    pub(crate) fn from_valid(mut events: Vec<Event>) -> Self {
        for event in &mut events {
            event.weight = kept(event.weight);
        }
        events.sort_by(|a, b| order(a, b).then_with(|| b.weight.total_cmp(&a.weight)));
        events.dedup_by(|b, a| order(a, b) == Ordering::Equal);
        let surplus = events.len().saturating_sub(MAX_EVENTS);
        events.drain(..surplus);
        Self { events }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn some_event() -> impl Strategy<Value = Event> {
        (
            "[a-d]",
            prop_oneof!["view", "save", "dismiss"],
            -2i32..3,
            0i64..6,
        )
            .prop_map(|(item, kind, weight, time)| {
                Event::new(item, kind, time).with_weight(f64::from(weight))
            })
    }

    proptest! {
        #[test]
        fn any_order_and_any_repeats_give_one_state(
            events in prop::collection::vec(some_event(), 0..40),
            rotate in 0usize..40,
        ) {
            let mut forward = Profile::new();
            for event in &events {
                forward.record(event).unwrap();
            }
            let mut shuffled = events.clone();
            if !shuffled.is_empty() {
                let by = rotate % shuffled.len();
                shuffled.rotate_left(by);
            }
            shuffled.reverse();
            shuffled.extend(events.iter().cloned());
            let mut backward = Profile::new();
            for event in &shuffled {
                backward.record(event).unwrap();
            }
            prop_assert_eq!(&forward, &backward);
            prop_assert_eq!(&forward, &Profile::from_valid(shuffled));
        }

        #[test]
        fn merge_is_the_union(
            a in prop::collection::vec(some_event(), 0..20),
            b in prop::collection::vec(some_event(), 0..20),
        ) {
            let (left, right) = (Profile::from_valid(a.clone()), Profile::from_valid(b.clone()));
            let mut ab = left.clone();
            let changed = ab.merge(&right);
            prop_assert_eq!(changed, ab != left);
            let mut ba = right.clone();
            ba.merge(&left);
            let mut again = ab.clone();
            prop_assert!(!again.merge(&right));
            prop_assert_eq!(&ab, &ba);
            prop_assert_eq!(&ab, &again);
            let mut both = a;
            both.extend(b);
            prop_assert_eq!(&ab, &Profile::from_valid(both));
        }
    }

    #[test]
    fn only_the_newest_events_stay_whatever_the_order() {
        let events: Vec<Event> = (0..MAX_EVENTS as i64 + 10)
            .map(|t| Event::new("a", "view", t))
            .collect();
        let mut forward = Profile::new();
        for event in &events {
            forward.record(event).unwrap();
        }
        let mut backward = Profile::new();
        for event in events.iter().rev() {
            backward.record(event).unwrap();
        }
        assert_eq!(forward, backward);
        assert_eq!(forward.len(), MAX_EVENTS);
        assert_eq!(forward.events()[0].timestamp, 10);
    }

    #[test]
    fn a_bad_event_leaves_the_profile_as_it_was() {
        let mut profile = Profile::new();
        profile.record(&Event::new("a", "view", 1)).unwrap();
        let before = profile.clone();
        for bad in [
            Event::new("", "view", 1),
            Event::new("a", "", 1),
            Event::new("a", "view", i64::MAX),
            Event::new("a", "view", 1).with_weight(f64::NAN),
            Event::new("a", "view", 1).with_weight(1e300),
        ] {
            assert!(profile.record(&bad).is_err());
        }
        assert_eq!(profile, before);
    }
}
