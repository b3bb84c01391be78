//! From a request to an answer: the pipeline in the order in which it runs. The steps are shared
//! by all questions whose answers are ranked items.

use std::borrow::Cow;

use super::Request;
use super::answer::{Answer, Reason, Recommendation, Stage};
use super::parse::Limits;
use super::store::{Store, Stored};
use crate::bitset::BitSet;
use crate::id::Id;
use crate::model::Model;
use crate::profile::Profile;
use crate::rank::{self, Counts, Query, Ranked, Share, Signal, Workspace};

pub(super) fn answer(
    model: &Model,
    store: &Store,
    request: &Request,
    workspace: &mut Workspace,
) -> Answer {
    let mut ignored = Vec::new();
    workspace.signals.clear();
    let user_id = request.user_id.as_deref();
    let signals = &mut workspace.signals;
    resolve_history(
        model,
        store,
        user_id,
        &request.history,
        signals,
        &mut ignored,
    );
    let heard = Heard {
        given: workspace.signals.len() + ignored.len(),
        unknown: ignored.len(),
        what: "events on unknown items",
    };
    let limits = request.limits();
    let eligible = eligibility(model, &limits, &mut ignored);
    let query = Query {
        k: request.k,
        now: request.now,
        exclude_seen: request.exclude_seen,
        eligible: eligible.as_deref(),
        baseline: false,
    };
    let counts = rank::rank(model, &query, workspace);
    let reasons = |best: &Ranked| own_reasons(model, workspace, best.item);
    let trace = stages(model, &limits, &heard, eligible.as_deref(), &counts);
    finish(model, &limits, &workspace.ranked, &reasons, trace, ignored)
}

/// The parts of the last ranking's score, for one item.
pub(super) fn own_reasons(model: &Model, workspace: &Workspace, item: u32) -> Vec<Reason> {
    rank::explain(&model.graph(), workspace.fixed(), item)
        .into_iter()
        .map(|share| reason(model, share, Vec::new()))
        .collect()
}

pub(super) fn reason(model: &Model, share: Share, members: Vec<u32>) -> Reason {
    Reason {
        item_id: name(model, share.item),
        contribution: share.contribution,
        share: share.share,
        members,
    }
}

pub(super) fn name(model: &Model, item: u32) -> Id {
    Id::of_bytes(model.items().raw(item).unwrap_or_default())
}

/// Puts an answer together from a ranking.
pub(super) fn finish(
    model: &Model,
    limits: &Limits<'_>,
    ranked: &[Ranked],
    reasons: &dyn Fn(&Ranked) -> Vec<Reason>,
    trace: Vec<Stage>,
    mut ignored: Vec<String>,
) -> Answer {
    let ids = model.items();
    for best in ranked {
        ids.prefetch(best.item);
    }
    let items = ranked
        .iter()
        .map(|best| Recommendation {
            item: best.item,
            item_id: name(model, best.item),
            score: best.score,
            source: best.source,
            reasons: if limits.explain {
                reasons(best)
            } else {
                Vec::new()
            },
        })
        .collect();
    ignored.sort_unstable();
    ignored.dedup();
    Answer {
        items,
        ignored,
        model: model.hash().to_owned(),
        trace: limits.trace.then_some(trace),
    }
}

/// What an answer starts from, for its trace.
pub(super) struct Heard {
    pub(super) given: usize,
    pub(super) unknown: usize,
    /// What the unknown ones are.
    pub(super) what: &'static str,
}

/// What each stage did; nothing unless the trace was asked for.
pub(super) fn stages(
    model: &Model,
    limits: &Limits<'_>,
    heard: &Heard,
    eligible: Option<&BitSet>,
    counts: &Counts,
) -> Vec<Stage> {
    if !limits.trace {
        return Vec::new();
    }
    let all = model.item_count();
    let allowed = eligible.map_or(all, BitSet::count);
    let stage = |stage, input, output, note: String| Stage {
        stage,
        input,
        output,
        note,
    };
    vec![
        stage(
            "history",
            heard.given,
            counts.history,
            match counts.beyond {
                0 => format!("{} {}", heard.unknown, heard.what),
                items => format!(
                    "{} {}, {items} items beyond max_history_items",
                    heard.unknown, heard.what
                ),
            },
        ),
        stage(
            "eligibility",
            all,
            allowed,
            format!("{} more are in the history and left out", counts.excluded),
        ),
        stage(
            "graph",
            allowed,
            counts.graph,
            format!("the best {} with a positive score", limits.k),
        ),
        stage(
            "top_up",
            limits.k.saturating_sub(counts.graph),
            counts.popular + counts.pushed_away,
            format!(
                "{} popular, {} that the history speaks against",
                counts.popular, counts.pushed_away
            ),
        ),
    ]
}

/// The user's stored history and the request's, joined, with the model's indices.
pub(super) fn resolve_history(
    model: &Model,
    store: &Store,
    user_id: Option<&str>,
    history: &Profile,
    signals: &mut Vec<Signal>,
    ignored: &mut Vec<String>,
) {
    let stored = user_id.map_or(Stored::Model(None), |user_id| store.load(model, user_id));
    let mut resolve = |profile: &Profile| {
        for event in profile.events() {
            match model.item_index(&event.item_id) {
                Some(item) => signals.push(Signal {
                    item,
                    kind: model
                        .kinds()
                        .position(&event.kind)
                        .map_or(Signal::NO_KIND, |kind| kind as u8),
                    weight: event.weight as f32,
                    timestamp: event.timestamp,
                }),
                None => ignored.push(event.item_id.clone()),
            }
        }
    };
    match stored {
        Stored::Profile(profile) if history.is_empty() => resolve(&profile),
        Stored::Profile(mut profile) => {
            profile.merge(history);
            resolve(&profile);
        }
        // The history lies in the model by index already.
        Stored::Model(Some(user)) if history.is_empty() => {
            model.signals(user, signals);
        }
        Stored::Model(Some(_)) => {
            let known = user_id.and_then(|user_id| model.profile(user_id));
            let mut profile = known.unwrap_or_default();
            profile.merge(history);
            resolve(&profile);
        }
        Stored::Model(None) => resolve(history),
    }
}

/// The items that filter and lists leave; all of them if `None`.
pub(super) fn eligibility<'a>(
    model: &'a Model,
    limits: &Limits<'_>,
    ignored: &mut Vec<String>,
) -> Option<Cow<'a, BitSet>> {
    let eligible = model.eligible(limits.filter);
    if limits.allow.is_none() && limits.deny.is_empty() {
        return eligible;
    }
    let mut resolve = |ids: &[String]| {
        let mut set = BitSet::empty(model.item_count());
        for id in ids {
            match model.item_index(id) {
                Some(item) => set.insert(item as usize),
                None => ignored.push(id.clone()),
            }
        }
        set
    };
    let mut set = eligible.map_or_else(|| BitSet::full(model.item_count()), Cow::into_owned);
    if let Some(allow) = limits.allow {
        set.intersect(&resolve(allow));
    }
    let mut denied = resolve(limits.deny);
    denied.invert();
    set.intersect(&denied);
    Some(Cow::Owned(set))
}
