//! What the README promises of its file.

use pinhole_config::Config;

#[test]
fn the_first_configuration_has_no_problems_and_serves_endpoints_behind_a_nat() {
    let readme = include_str!("../../README.md");
    let files = readme.split("```ini\n").skip(1).filter_map(|text| text.split("```").next());
    let files: Vec<_> = files.collect();
    let [nat] = files.as_slice() else { panic!("{} files", files.len()) };
    let (config, problems) = Config::read(nat);
    assert_eq!(problems, []);
    assert!(config.routed.h46018 && config.proxy.enable);
}
