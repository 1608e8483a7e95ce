//! Writes the ASN.1 types of `pinhole-h323` from the ITU's modules.
//!
//! `cargo run --manifest-path h323/generate/Cargo.toml -- <directory of modules> h323/src/asn`, then `cargo fmt`
//!
//! The modules (`h225.asn`, `h235.asn`, `h245.asn`, `h460*.asn`) are not part of this repository.
//! Steps: [`source`] makes their type names unique, rasn-compiler turns them into Rust, and
//! [`passes`] turns that into types which survive peers older and newer than themselves.

mod boxing;
mod defaults;
mod passes;
mod source;

use std::path::Path;
use std::{env, fs, process};

use rasn_compiler::prelude::*;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [modules, output] = arguments.as_slice() else {
        eprintln!("usage: generate <directory of ASN.1 modules> <directory for the Rust files>");
        process::exit(2);
    };
    if let Err(problem) = run(Path::new(modules), Path::new(output)) {
        eprintln!("generate: {problem}");
        process::exit(1);
    }
}

fn run(modules: &Path, output: &Path) -> Result<(), String> {
    let sources = source::read(modules)?;
    let mut texts = sources.iter().map(|source| source.text.as_str());
    let first = texts.next().ok_or("no modules")?;
    let mut compiler =
        Compiler::<RasnBackend, _>::new_with_config(RasnConfig::default()).add_asn_literal(first);
    for text in texts {
        compiler = compiler.add_asn_literal(text);
    }
    let compiled = compiler.compile_to_string().map_err(|error| error.to_string())?;
    if let Some(warning) = compiled.warnings.first() {
        return Err(format!("rasn-compiler warned: {warning}"));
    }
    let file = syn::parse_file(&compiled.generated).map_err(|error| error.to_string())?;
    for module in passes::run(file, &sources)? {
        let path = output.join(format!("{}.rs", module.name));
        fs::write(&path, module.text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
