//! The questions to an engine.

use super::{
    Answer, Engine, GroupRequest, Request, ScoreRequest, Scores, SimilarRequest, SimilarUsers,
    SimilarUsersRequest,
};
use super::{group, recommend, score, similar, users};
use crate::error::Result;

impl Engine {
    /// Answers a request.
    ///
    /// Exactly `k` items come back whenever `k` items are eligible. The same model, profile and
    /// request give the same answer, bit for bit, everywhere.
    ///
    /// Cost: some microseconds for the ranking; with a filter, one pass over its columns; with
    /// `explain`, a binary search for each history item and answer.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`], [`crate::ErrorKind::InvalidId`], and those of the
    /// request's history as in [`Engine::record`].
    pub fn recommend(&self, request: &Request) -> Result<Answer> {
        let model = self.model();
        request.check(model.kinds())?;
        Ok(self
            .with_workspace(|workspace| recommend::answer(&model, &self.store, request, workspace)))
    }

    /// "More like this": the items that follow from some items alone, whoever asks.
    ///
    /// Every item given weighs 1, and none of them comes back. All else is as in
    /// [`Engine::recommend`]: exactly `k` items whenever `k` are eligible, popular ones fill up.
    ///
    /// ```
    /// # use tastemaker::event::{EventColumns, IdColumn};
    /// # use tastemaker::{control::Control, engine::{Engine, SimilarRequest}, json::json, train::{TrainOptions, train}};
    /// # let events = EventColumns::new(
    /// #     IdColumn::Text(&["ann", "ann", "bob", "bob", "eve"]),
    /// #     IdColumn::Text(&["mill", "barn", "mill", "barn", "loft"]),
    /// # );
    /// # let engine = Engine::new(train(&events, None, &TrainOptions::default(), &Control::new())?);
    /// let request = SimilarRequest::from_json(&json!({"item_id": "barn", "k": 1}))?;
    /// assert_eq!(engine.similar_items(&request)?.items[0].item_id, "mill");
    /// # Ok::<(), tastemaker::Error>(())
    /// ```
    ///
    /// Cost: as [`Engine::recommend`] with a history of these items.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`], [`crate::ErrorKind::InvalidId`].
    pub fn similar_items(&self, request: &SimilarRequest) -> Result<Answer> {
        request.check()?;
        let model = self.model();
        Ok(self.with_workspace(|workspace| similar::answer(&model, request, workspace)))
    }

    /// The score of each given item, in the order given: to rank candidates that come from
    /// elsewhere, or to show how well one item fits.
    ///
    /// A score has the bits that [`Engine::recommend`] would give, also for items that it would
    /// leave out because they were seen or dismissed; an item that the model does not have
    /// scores 0.
    ///
    /// ```
    /// # use tastemaker::event::{EventColumns, IdColumn};
    /// # use tastemaker::{control::Control, engine::{Engine, ScoreRequest}, json::json, train::{TrainOptions, train}};
    /// # let events = EventColumns::new(
    /// #     IdColumn::Text(&["ann", "ann", "bob", "bob", "eve"]),
    /// #     IdColumn::Text(&["mill", "barn", "mill", "barn", "loft"]),
    /// # );
    /// # let engine = Engine::new(train(&events, None, &TrainOptions::default(), &Control::new())?);
    /// let request = json!({"user_id": "eve", "history": [{"item_id": "barn"}], "item_ids": ["loft", "mill", "moon"]});
    /// let scores = engine.score_items(&ScoreRequest::from_json(&request)?)?;
    /// assert!(scores.items[0].seen && scores.items[1].score > 0.0 && !scores.items[2].known);
    /// # Ok::<(), tastemaker::Error>(())
    /// ```
    ///
    /// Cost: for few candidates a binary search for each pair of a history item and a candidate;
    /// for many, one pass over the rows of the history and an array of all items.
    ///
    /// # Errors
    /// As [`Engine::recommend`].
    pub fn score_items(&self, request: &ScoreRequest) -> Result<Scores> {
        let model = self.model();
        request.check(model.kinds())?;
        Ok(self.with_workspace(|workspace| score::answer(&model, &self.store, request, workspace)))
    }

    /// One answer for several people, such as the two who plan a wedding.
    ///
    /// Each member's weights are first brought to the same absolute total, 1, so that a long
    /// history does not drown a short one; a member without a history is neutral. With
    /// [`Strategy::Average`](super::Strategy::Average) the weighted mean of the weights is
    /// ranked like one history. With [`Strategy::LeastMisery`](super::Strategy::LeastMisery) an
    /// item's score is the lowest of the members' scores, ties by their sum: an item that one
    /// likes and nobody is against comes behind those that all like, with a score of 0; its
    /// reasons are those of the member with the lowest score. The order of the members changes
    /// nothing but their places in the reasons.
    ///
    /// Exactly `k` items come back whenever `k` are eligible; what any member has seen is not,
    /// unless `exclude_seen` is false, and what any member dismissed never is.
    ///
    /// ```
    /// # use tastemaker::event::{EventColumns, IdColumn};
    /// # use tastemaker::{control::Control, engine::{Engine, GroupRequest}, json::json, train::{TrainOptions, train}};
    /// # let events = EventColumns::new(
    /// #     IdColumn::Text(&["ann", "ann", "bob", "bob", "eve"]),
    /// #     IdColumn::Text(&["mill", "barn", "mill", "barn", "loft"]),
    /// # );
    /// # let engine = Engine::new(train(&events, None, &TrainOptions::default(), &Control::new())?);
    /// let members = json!([{"history": [{"item_id": "barn"}]}, {"user_id": "eve"}]);
    /// let request = GroupRequest::from_json(&json!({"members": members, "k": 1, "explain": true}))?;
    /// let best = &engine.recommend_group(&request)?.items[0];
    /// assert_eq!(best.item_id, "mill");
    /// assert_eq!(best.reasons[0].members, [0]);
    /// # Ok::<(), tastemaker::Error>(())
    /// ```
    ///
    /// Cost: the histories of all members, and with least misery a pass over all items.
    /// An average keeps the 16,384 largest weights.
    ///
    /// # Errors
    /// As [`Engine::recommend`], with the member in front;
    /// [`crate::ErrorKind::InvalidArgument`] for no member, more than
    /// [`MAX_MEMBERS`](super::MAX_MEMBERS), or a weight out of its range.
    pub fn recommend_group(&self, request: &GroupRequest) -> Result<Answer> {
        let model = self.model();
        request.check(model.kinds())?;
        Ok(self.with_workspace(|workspace| group::answer(&model, &self.store, request, workspace)))
    }

    /// The users whose training histories in the model are most like a history.
    ///
    /// The likeness is the cosine of the folded histories (kinds and weights as in
    /// [`Engine::recommend`], decay from each one's newest event): the sum of the products of the
    /// weights of shared items, over the root of the product of both sums of squares. Only users
    /// with a cosine above 0 come back. The user who asks and erased users do not. Recorded
    /// events count for the one who asks only. A model without histories, such as an edge
    /// export, gives an empty answer.
    ///
    /// ```
    /// # use tastemaker::event::{EventColumns, IdColumn};
    /// # use tastemaker::{control::Control, engine::{Engine, SimilarUsersRequest}, json::json, train::{TrainOptions, train}};
    /// # let events = EventColumns::new(
    /// #     IdColumn::Text(&["ann", "ann", "bob", "bob", "eve"]),
    /// #     IdColumn::Text(&["mill", "barn", "mill", "barn", "loft"]),
    /// # );
    /// # let engine = Engine::new(train(&events, None, &TrainOptions::default(), &Control::new())?);
    /// let request = SimilarUsersRequest::from_json(&json!({"user_id": "ann"}))?;
    /// let answer = engine.similar_users(&request)?;
    /// assert_eq!((answer.users[0].user_id.as_str(), answer.users[0].similarity), ("bob", 1.0));
    /// assert_eq!(answer.users.len(), 1);
    /// # Ok::<(), tastemaker::Error>(())
    /// ```
    ///
    /// Sums run in the order of the items, in `f64`, after both histories were multiplied by
    /// the powers of two that bring their largest weight to between 1 and 2.
    ///
    /// Cost: one pass over all training histories; those that share an item are folded.
    ///
    /// # Errors
    /// As [`Engine::recommend`].
    pub fn similar_users(&self, request: &SimilarUsersRequest) -> Result<SimilarUsers> {
        let model = self.model();
        request.check(model.kinds())?;
        Ok(self.with_workspace(|workspace| users::answer(&model, &self.store, request, workspace)))
    }
}
