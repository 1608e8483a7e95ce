//! Peers made of nothing but sockets: one that calls, one that answers, one that registers.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use pinhole_h323::address::to_h225;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{
    ConnectUUIE, H323UUPDUH323MessageBody as Body, RasMessage, SetupUUIE,
};
use pinhole_h323::id::{CallId, Crv};
use pinhole_h323::ras::Ras;
use pinhole_h323::signal::{Leg, Signal};
use pinhole_h323::{tpkt, version};
use socket2::{Domain, Socket, Type};

use crate::hostile::stock::{RAS, octets};

/// How long an answer may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// A connection from an address.
pub(crate) fn connect(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.connect_timeout(&to.into(), PATIENCE)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connection that comes soon, or none.
fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    for _ in 0..PATIENCE.as_millis() * 10 {
        match listener.accept() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_micros(100));
            }
            accepted => {
                let (stream, _) = accepted?;
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// The next message of a connection.
pub(crate) fn receive(stream: &mut TcpStream) -> io::Result<Signal> {
    loop {
        let mut header = [0; tpkt::HEADER];
        stream.read_exact(&mut header)?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let mut payload = vec![0; length.saturating_sub(tpkt::HEADER)];
        stream.read_exact(&mut payload)?;
        if !payload.is_empty() {
            return Signal::decode(&payload).map_err(io::Error::other);
        }
    }
}

/// Sends a message.
pub(crate) fn send(stream: &mut TcpStream, signal: &Signal) -> io::Result<()> {
    let payload = signal.encode().map_err(io::Error::other)?;
    stream.write_all(&crate::hostile::framed(&payload))
}

/// Setup to an address.
pub(crate) fn setup(call_id: CallId, to: SocketAddr) -> Signal {
    let leg = Leg { crv: Crv::new(77), from_destination: false, call_id, tunnelling: false };
    let body = SetupUUIE {
        protocol_identifier: version::h225(),
        dest_call_signal_address: Some(to_h225(to)),
        call_identifier: Some(call_id.into()),
        media_wait_for_connect: Some(false),
        can_overlap_send: Some(false),
        ..Default::default()
    };
    Signal::on(leg, Body::setup(Box::new(body)))
}

/// Somebody who answers every call at once, and listens for H.245 at the next port when `h245` says so.
pub(crate) struct Callee {
    listener: TcpListener,
    control: TcpListener,
}

impl Callee {
    /// At an address.
    pub(crate) fn listen(ip: IpAddr) -> Self {
        let bind = || {
            let listener = TcpListener::bind((ip, 0)).unwrap();
            listener.set_nonblocking(true).unwrap();
            listener
        };
        Self { listener: bind(), control: bind() }
    }

    /// Where it is called.
    pub(crate) fn at(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Takes an H.245 connection.
    pub(crate) fn control(&self) -> io::Result<TcpStream> {
        accept(&self.control)
    }

    /// Takes a call and answers it.
    pub(crate) fn answer(&self) -> io::Result<TcpStream> {
        let mut stream = accept(&self.listener)?;
        let setup = receive(&mut stream)?;
        let call_id = setup.call_id().ok_or(io::ErrorKind::InvalidData)?;
        let leg = Leg { crv: setup.crv(), from_destination: true, call_id, tunnelling: false };
        let body = ConnectUUIE {
            protocol_identifier: version::h225(),
            h245_address: Some(to_h225(self.control.local_addr()?)),
            call_identifier: Some(call_id.into()),
            ..Default::default()
        };
        send(&mut stream, &Signal::on(leg, Body::connect(Box::new(body))))?;
        Ok(stream)
    }
}

/// A full RRQ for this name, from a socket.
pub(crate) fn registration(socket: &UdpSocket, name: &str, seq: u16) -> Vec<u8> {
    let own = to_h225(socket.local_addr().unwrap());
    let mut rrq = Ras::decode(&octets(RAS[0])).unwrap();
    rrq.edit(|message| {
        let RasMessage::registrationRequest(request) = message else { panic!("it is an RRQ") };
        request.request_seq_num.0 = seq;
        request.terminal_alias = Some(vec![Alias::from_text(name).to_asn()]);
        request.ras_address = vec![own.clone()];
        request.call_signal_address = vec![own];
        request.feature_set = None;
    });
    rrq.encode().unwrap()
}

/// Registers, and waits for the confirm; repeats the request once, as every endpoint does.
pub(crate) fn register(socket: &UdpSocket, to: SocketAddr, name: &str, seq: u16) -> Option<()> {
    let request = registration(socket, name, seq);
    socket.set_read_timeout(Some(PATIENCE)).ok()?;
    for _ in 0..2 {
        socket.send_to(&request, to).ok()?;
        let mut buffer = [0; 2048];
        while let Ok(length) = socket.recv(&mut buffer) {
            let answer = Ras::decode(&buffer[..length]).ok()?;
            let confirm = matches!(answer.message(), RasMessage::registrationConfirm(_));
            if answer.seq().is_some_and(|answered| answered.value() == seq) {
                return confirm.then_some(());
            }
        }
    }
    None
}
