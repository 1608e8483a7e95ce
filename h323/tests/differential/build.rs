//! Makes from our generated types what rasn's own codec understands: without the places for unknown
//! additions and alternatives, and with rasn's mark on extensible SEQUENCEs in their stead.

use std::path::Path;
use std::{env, fs, io};

const MODULES: [&str; 8] =
    ["h225", "h235", "h245", "h46015", "h46018", "h46019", "h46024b", "h46026"];

fn main() -> io::Result<()> {
    let output = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    for module in MODULES {
        let path = format!("../../src/asn/{module}.rs");
        println!("cargo::rerun-if-changed={path}");
        let text = plain(&fs::read_to_string(path)?);
        fs::write(Path::new(&output).join(format!("{module}.rs")), text)?;
    }
    Ok(())
}

fn plain(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut in_default = false;
    let mut structure = 0;
    for line in text.lines() {
        if in_default {
            in_default = line != "}";
        } else if line.starts_with("impl Default for ") {
            in_default = true;
        } else if line.starts_with("    pub unknown_ext: ") {
            lines.pop();
            lines.insert(structure, "#[non_exhaustive]");
        } else if line.starts_with("    UnknownAlternative(") {
            lines.pop();
        } else if !line.starts_with("//") {
            if line.starts_with("pub struct ") {
                structure = lines.len();
            }
            lines.push(line);
        }
    }
    // An attribute of the file; here the text is within a module, which has its own.
    let text = lines.join("\n");
    let text = text.split_once("use super::").map_or("", |(_, types)| types);
    format!("use super::{text}\n").replace(", Default", "").replace("    Default,\n", "")
}
