use crate::steps::Steps;
use std::path::Path;
pub(crate) fn steps(_root: &Path, _steps: &mut Steps) {}
