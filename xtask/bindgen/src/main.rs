//! Writes the JavaScript side of a compiled `.wasm` file:
//! `tastemaker-bindgen INPUT.wasm OUTPUT_DIR NAME`.
//!
//! The version of `wasm-bindgen-cli-support` must equal the version of
//! `wasm-bindgen` that the input was built with.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, name] = arguments.as_slice() else {
        eprintln!("usage: tastemaker-bindgen INPUT.wasm OUTPUT_DIR NAME");
        return ExitCode::from(2);
    };
    match generate(input, output, name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bindgen failed: {message}");
            ExitCode::FAILURE
        }
    }
}

fn generate(input: &str, output: &str, name: &str) -> Result<(), String> {
    Bindgen::new()
        .input_path(input)
        .out_name(name)
        .web(true)
        .map_err(|error| error.to_string())?
        .typescript(true)
        .omit_default_module_path(true)
        .generate(output)
        .map_err(|error| format!("{error:#}"))
}
