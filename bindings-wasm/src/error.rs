//! Carries the core's error codes over to JavaScript, as the `code` of the thrown error.

use tastemaker::Error;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// JavaScript's `Error`.
    #[wasm_bindgen(js_name = Error)]
    pub type Thrown;

    #[wasm_bindgen(constructor, js_class = "Error")]
    fn new(message: &str) -> Thrown;

    #[wasm_bindgen(method, setter, structural)]
    fn set_code(this: &Thrown, code: &str);
}

/// The result of every exported function.
pub(crate) type Result<T, E = Thrown> = std::result::Result<T, E>;

/// The core's error as the one that JavaScript sees thrown.
#[expect(clippy::needless_pass_by_value, reason = "used as `map_err(thrown)`")]
pub(crate) fn thrown(error: Error) -> Thrown {
    let thrown = Thrown::new(error.message());
    thrown.set_code(error.code());
    thrown
}
