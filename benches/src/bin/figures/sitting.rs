//! What one run of the figures is about, and the models that it measures.

use std::path::PathBuf;

use serde_json::json;
use tastemaker::control::Control;
use tastemaker::event::{EventColumns, IdColumn};
use tastemaker::model::Model;
use tastemaker::train::{TrainOptions, train};

use tastemaker_benches::Failure;
use tastemaker_benches::data::{Pairs, Split};
use tastemaker_benches::peer::Peer;

/// The options of the command line.
pub(crate) struct Sitting {
    /// The folder that holds the data sets.
    pub(crate) data: PathBuf,
    /// The interpreter that has the peers; none when they are not asked for.
    pub(crate) peers: Option<PathBuf>,
    /// The folder whose `node_modules` has the peers of npm; none when they are not asked for.
    pub(crate) npm_peers: Option<PathBuf>,
    /// The interpreter that has our Python package.
    pub(crate) python: Option<PathBuf>,
    /// The root of the repository.
    pub(crate) root: PathBuf,
    /// Where files may be written for the length of the run.
    pub(crate) scratch: PathBuf,
    /// The threads of both sides where a figure is not about one.
    pub(crate) threads: u64,
    /// How often each measurement is repeated.
    pub(crate) runs: usize,
}

impl Sitting {
    /// Reads `GROUP --data DIR [--peers PYTHON] [--npm-peers DIR] [--python PYTHON] [--root DIR]
    /// [--scratch DIR] [--runs N] [--threads N]`.
    pub(crate) fn from_arguments(
        mut words: impl Iterator<Item = String>,
    ) -> Result<(String, Self), Failure> {
        let group = words.next().ok_or("which group of figures?")?;
        let mut sitting = Self {
            data: PathBuf::new(),
            peers: None,
            npm_peers: None,
            python: None,
            root: PathBuf::from("."),
            scratch: std::env::temp_dir(),
            threads: 2,
            runs: 5,
        };
        while let Some(name) = words.next() {
            let value = words
                .next()
                .ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--data" => sitting.data = value.into(),
                "--peers" => sitting.peers = Some(value.into()),
                "--npm-peers" => sitting.npm_peers = Some(value.into()),
                "--python" => sitting.python = Some(value.into()),
                "--root" => sitting.root = value.into(),
                "--scratch" => sitting.scratch = value.into(),
                "--threads" => sitting.threads = value.parse()?,
                "--runs" => sitting.runs = value.parse()?,
                other => return Err(format!("no option {other:?}").into()),
            }
        }
        if !sitting.data.is_dir() {
            return Err("--data must name the folder of the data sets".into());
        }
        Ok((group, sitting))
    }

    /// Reads one data set.
    pub(crate) fn split(&self, name: &str) -> Result<Split, Failure> {
        Split::read(&self.data, name)
    }

    /// Starts implicit with one of its models, not yet trained, when peers are
    /// asked for.
    pub(crate) fn implicit(
        &self,
        split: &Split,
        model: &str,
        threads: u64,
    ) -> Result<Option<Peer>, Failure> {
        let Some(python) = &self.peers else {
            return Ok(None);
        };
        let arguments = [
            self.root
                .join("benches/peers/implicit_driver.py")
                .into_os_string(),
            split.folder.join("train.txt").into_os_string(),
            model.into(),
            threads.to_string().into(),
        ];
        Ok(Some(Peer::start(
            &format!("implicit-{model}"),
            python,
            &arguments,
        )?))
    }
}

/// Options for the split files, whose ids are integers.
pub(crate) fn options(neighbors: u64, threads: u64) -> Result<TrainOptions, Failure> {
    Ok(TrainOptions::from_json(&json!({
        "neighbors": neighbors,
        "trainer": "spectral",
        "threads": threads,
        "user_id_type": "integer",
        "item_id_type": "integer",
    }))?)
}

/// Trains on the pairs as they come, ids and all.
pub(crate) fn train_on(pairs: &Pairs, options: &TrainOptions) -> Result<Model, Failure> {
    let columns = EventColumns::new(
        IdColumn::Integer(&pairs.users),
        IdColumn::Integer(&pairs.items),
    );
    Ok(train(&columns, None, options, &Control::new())?)
}

/// How a model of implicit is set up, in words.
pub(crate) fn setting(model: &str) -> &'static str {
    match model {
        "cosine" => "implicit 0.7.3, CosineRecommender(K=100)",
        _ => {
            "implicit 0.7.3, AlternatingLeastSquares(iterations=15, alpha=40, \
             regularization=0.01), native, conjugate gradient, f32, BLAS on one thread"
        }
    }
}
