//! Experiments: who gets which variant, without anybody keeping a list.
//!
//! A unit (a user, a device, a company) is hashed with a salt into a bucket, and the bucket lies
//! in a range that belongs to a variant. So the same unit gets the same variant everywhere, in
//! all languages and on all machines, and nothing has to be stored or asked.
//!
//! The module is pure: no clock (a ramp takes `now`), no randomness, no storage (sticky buckets
//! are values that are given and returned). It may use `condition`, `fields` and `error`, and
//! knows nothing of models and engines. Every decision compares integers: shares become integer
//! thresholds once, when a definition is read ([`hash`] says how), so that no rounding can part
//! two languages.

pub mod hash;
pub mod stats;
