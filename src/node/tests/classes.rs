//! The classes of packets (DSCP) of what is bound and connected.

use pinhole_config::Config;

use super::fast_start::{CALLER, captured_setup};
use super::*;
use pinhole_h323::tpkt;

#[test]
#[expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]
fn each_kind_of_socket_has_the_class_that_the_configuration_gives_it() {
    let (config, problems) = Config::read(
        "[Gatekeeper::Main]\nRASDiffServ=10\n[RoutedMode]\nH225DiffServ=26\nH245DiffServ=34\nGKRouted=1\nH245Routed=1\n\
         CallSignalPort=1720\n[Proxy]\nEnable=1\n",
    );
    assert_eq!(problems, []);
    let open = Settings {
        accept_unregistered: true,
        unregistered_anywhere: true,
        ..Settings::from(&config)
    };
    let local = "198.51.100.2".parse().unwrap();
    let mut node = Node::new(open.clone(), vec![local], [1; 32], Instant::now());
    let mut bound = Vec::new();
    loop {
        match node.poll_output() {
            Output::Timeout(_) => break,
            Output::Bind { bind, ports, class, .. } => bound.push((bind, *ports.start(), class)),
            _ => {}
        }
    }
    for (bind, port, class) in bound {
        let expected = match (bind, port) {
            (Bind::Udp(_), _) => 10,
            (Bind::Tcp(_), 1720) => 26,
            // Of the two that are asked for at once the first is for H.245, the other for data.
            (Bind::Tcp(ListenerId(n)), _) if n % 2 == 1 => 34,
            _ => 0,
        };
        assert_eq!(class, expected, "{bind:?} {port}");
    }
    let mut desk = Desk::with(open);
    let (stream, peer) = (StreamId::accepted(7), CALLER.parse().unwrap());
    let at = "198.51.100.2:1720".parse().unwrap();
    desk.tell(Input::Accepted { listener: ListenerId(0), stream, local: at, peer });
    let bytes = tpkt::wrap(&captured_setup().encode().unwrap()).unwrap();
    let outputs = desk.tell(Input::Bytes { stream, bytes: &bytes });
    let class = outputs.iter().find_map(|output| match output {
        Output::Connect { class, .. } => Some(*class),
        _ => None,
    });
    assert_eq!(class, Some(26));
}
