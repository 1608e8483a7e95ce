//! The lab's own tests: an obstacle that does not obstruct proves nothing about who gets past it.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

use pinhole_interop::{
    Deadline, GATEKEEPER, INSIDE, Lab, NAT_OUTSIDE, Namespace, OUTSIDE, PATIENCE, Running,
    UDP_TIMEOUT, Uninvited, Witness, sweep, tshark,
};

use crate::lab;

const PORT: u16 = 1720;

/// How long nothing must come for it to count as nothing.
const NOTHING: Duration = Duration::from_secs(1);

/// A UDP socket in a namespace.
fn udp(namespace: &Namespace, port: u16) -> UdpSocket {
    namespace.enter(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))).unwrap()
}

/// The next datagram, and where it came from.
fn received(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    within(socket, PATIENCE).unwrap()
}

/// Whether no datagram comes.
fn silent(socket: &UdpSocket) -> bool {
    within(socket, NOTHING).is_none()
}

fn within(socket: &UdpSocket, patience: Duration) -> Option<(Vec<u8>, SocketAddr)> {
    socket.set_read_timeout(Some(patience)).unwrap();
    let mut buffer = [0; 64];
    match socket.recv_from(&mut buffer) {
        Ok((length, from)) => Some((buffer[..length].to_vec(), from)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Connects, unless nobody answers for so long.
fn connect(namespace: &Namespace, to: Ipv4Addr, patience: Duration) -> io::Result<TcpStream> {
    let to = SocketAddr::from((to, PORT));
    namespace.enter(|| Ok(TcpStream::connect_timeout(&to, patience))).unwrap()
}

#[test]
fn what_begins_inside_leaves_with_the_address_of_the_nat_and_is_answered() {
    let lab = lab("masquerade");
    let server = udp(&lab.gatekeeper, PORT);
    let client = udp(&lab.inside, PORT);
    client.send_to(b"question", (GATEKEEPER, PORT)).unwrap();
    let (question, from) = received(&server);
    assert_eq!(question, b"question");
    assert_eq!(from.ip(), NAT_OUTSIDE);
    assert_ne!(from.port(), PORT, "the NAT should choose its ports at random");
    server.send_to(b"answer", from).unwrap();
    assert_eq!(received(&client).0, b"answer");
    // Nobody else may answer in its place, not even to the open mapping.
    udp(&lab.outside, PORT).send_to(b"intruder", from).unwrap();
    assert!(silent(&client));

    let listener = lab.gatekeeper.enter(|| TcpListener::bind((GATEKEEPER, PORT))).unwrap();
    let mut client = connect(&lab.inside, GATEKEEPER, PATIENCE).unwrap();
    let (mut server, from) = listener.accept().unwrap();
    assert_eq!(from.ip(), NAT_OUTSIDE);
    server.write_all(b"answer").unwrap();
    let mut answer = [0; 6];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"answer");
}

#[test]
fn what_begins_outside_is_dropped_and_counted() {
    let lab = lab("uninvited");
    let listener = lab.inside.enter(|| TcpListener::bind((INSIDE, PORT))).unwrap();
    listener.set_nonblocking(true).unwrap();
    let inside = udp(&lab.inside, PORT);
    assert_eq!(lab.nat.uninvited().unwrap(), Uninvited::default());

    let stranger = udp(&lab.outside, 0);
    stranger.send_to(b"uninvited", (NAT_OUTSIDE, PORT)).unwrap();
    assert!(silent(&inside));
    assert_eq!(lab.nat.uninvited().unwrap(), Uninvited { to_nat: 1, to_inside: 0 });
    stranger.send_to(b"uninvited", (INSIDE, PORT)).unwrap();
    assert!(silent(&inside));
    assert_eq!(lab.nat.uninvited().unwrap(), Uninvited { to_nat: 1, to_inside: 1 });

    assert_eq!(
        connect(&lab.outside, NAT_OUTSIDE, 2 * NOTHING).unwrap_err().kind(),
        ErrorKind::TimedOut
    );
    let after_nat = lab.nat.uninvited().unwrap();
    assert!(after_nat.to_nat > 1 && after_nat.to_inside == 1, "{after_nat:?}");
    assert_eq!(connect(&lab.outside, INSIDE, 2 * NOTHING).unwrap_err().kind(), ErrorKind::TimedOut);
    let after_inside = lab.nat.uninvited().unwrap();
    assert!(after_inside.to_inside > 1, "{after_inside:?}");
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_mapping_is_forgotten_after_thirty_idle_seconds() {
    let lab = lab("expiry");
    let server = udp(&lab.gatekeeper, PORT);
    let client = udp(&lab.inside, 0);
    client.send_to(b"open", (GATEKEEPER, PORT)).unwrap();
    let (_, hole) = received(&server);
    let mappings = lab.nat.mappings().unwrap();
    assert!(mappings.contains(&format!("dport={}", hole.port())), "{mappings}");

    thread::sleep(UDP_TIMEOUT - Duration::from_secs(10));
    server.send_to(b"in time", hole).unwrap();
    assert_eq!(received(&client).0, b"in time");
    assert_eq!(lab.nat.uninvited().unwrap(), Uninvited::default());

    // The answer made the mapping new, so that it takes another thirty seconds.
    thread::sleep(UDP_TIMEOUT + Duration::from_secs(3));
    server.send_to(b"too late", hole).unwrap();
    assert!(silent(&client));
    assert_eq!(lab.nat.uninvited().unwrap(), Uninvited { to_nat: 1, to_inside: 0 });
}

#[test]
fn outside_hosts_reach_one_another() {
    let lab = lab("outside");
    let listener = lab.gatekeeper.enter(|| TcpListener::bind((GATEKEEPER, PORT))).unwrap();
    drop(connect(&lab.outside, GATEKEEPER, PATIENCE).unwrap());
    assert_eq!(listener.accept().unwrap().1.ip(), OUTSIDE);
}

/// The names of a lab's namespaces.
fn names(lab: &Lab) -> Vec<String> {
    [&lab.inside, &lab.nat.namespace, &lab.gatekeeper, &lab.outside]
        .map(|namespace| namespace.name().to_owned())
        .to_vec()
}

fn exists(name: &String) -> bool {
    fs::exists(format!("/run/netns/{name}")).unwrap()
}

#[test]
fn a_dropped_lab_leaves_nothing_behind() {
    let lab = lab("dropped");
    let names = names(&lab);
    assert!(names.iter().all(exists));
    let mut sleeper = Running::start("sleep", lab.inside.command("sleep").arg("1000")).unwrap();
    let pid = sleeper.id().to_string();
    Deadline::patient()
        .until("the sleeper in its namespace", || {
            Ok(lab.inside.processes()?.lines().any(|line| line == pid))
        })
        .unwrap();
    drop(lab);
    assert!(!names.iter().any(exists));
    let status = sleeper.ended(Deadline::patient()).unwrap();
    assert!(!status.success(), "what ran in the lab is killed with it");
}

#[test]
fn a_killed_lab_leaves_nothing_behind() {
    const HOLD: &str = "PINHOLE_LAB_HOLD";
    if env::var_os(HOLD).is_some() {
        let lab = lab("killed");
        println!("\nnames {}", names(&lab).join(" "));
        loop {
            thread::park();
        }
    }
    let test = "obstacles::a_killed_lab_leaves_nothing_behind";
    let mut holder = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(HOLD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.into_iter().find(|line| line.starts_with("names ")).unwrap();
    let names: Vec<String> = line.split(' ').skip(1).map(str::to_owned).collect();
    let stood = names.len() == 4 && names.iter().all(exists);
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(stood, "{line}");
    Deadline::patient()
        .until("removal of the namespaces", || Ok(!names.iter().any(exists)))
        .unwrap();
}

#[test]
fn what_dead_processes_left_is_swept() {
    // No process has this number: it is above what Linux gives.
    let left = "pinhole-4000000000-0-inside".to_owned();
    assert!(Command::new("ip").args(["netns", "add", &left]).status().unwrap().success());
    assert!(exists(&left));
    sweep();
    assert!(!exists(&left));
}

#[test]
fn the_witness_tells_good_messages_from_bad_ones() {
    // An unregistrationConfirm, and the beginning of a registrationRequest.
    const GOOD: &[u8] = &[0x1c, 0x00, 0x06];
    const BAD: &[u8] = &[0x0e, 0xc0, 0x2d];
    let lab = lab("witness");
    let file = lab.folder().join("witness.pcapng");
    let witness = Witness::new(&lab.gatekeeper, "eth0", file).unwrap();
    let _server = udp(&lab.gatekeeper, 1719);
    let client = udp(&lab.inside, 1719);
    for message in [GOOD, BAD] {
        client.send_to(message, (GATEKEEPER, 1719)).unwrap();
    }
    let field = "h225.unregistrationConfirm_element";
    let frames = tshark(&witness.finish().unwrap(), &[field]).unwrap();
    let seen: Vec<_> = frames
        .iter()
        .map(|frame| (frame.carries("h225"), frame.fields.contains(field), frame.faulty))
        .collect();
    assert_eq!(seen, [(true, true, false), (true, false, true)], "{frames:#?}");
}
