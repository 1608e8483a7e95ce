//! What holds for any octets. The replay of the corpus and the fuzz target share this.

use pinhole_config::Config;

/// Reads octets as a configuration file.
///
/// # Panics
/// When the reader breaks a promise: a problem outside the file or of several lines, or values in force that do not
/// mean themselves when they are written into a file again.
pub(crate) fn check(bytes: &[u8]) {
    let (config, problems) = Config::load(bytes, &[]);
    let lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
    for problem in &problems {
        let Some(line) = lines.get(problem.line as usize - 1) else {
            panic!("no line of the file: {problem:?}");
        };
        assert!(problem.column >= 1 && problem.column as usize <= line.len() + 1, "{problem:?}");
        assert!(!problem.text.chars().any(char::is_control), "{problem:?}");
    }
    let values = |config: &Config| -> Vec<(String, String, String)> {
        config.effective().into_iter().map(|one| (one.section, one.key, one.value)).collect()
    };
    let before = values(&config);
    let lines = before.iter().map(|(section, key, value)| format!("[{section}]\n{key}={value}\n"));
    let neighbors = config.neighbors.iter().map(|(name, _)| format!("{name}=GnuGk\n"));
    let neighbors = format!("[RasSrv::Neighbors]\n{}", neighbors.collect::<String>());
    let (again, _) = Config::read(&lines.chain([neighbors]).collect::<String>());
    assert_eq!(before, values(&again), "values in force mean themselves");
}
