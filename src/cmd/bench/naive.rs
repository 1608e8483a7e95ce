//! The relay that anybody would write first: a tokio task per socket, which receives a packet and sends it on. It is
//! no part of the product, only what the product is measured against.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::UdpSocket;

use super::relay::Task;

/// Relays for ever.
pub(super) fn run(task: &Task, ready: impl FnOnce(&[[u16; 2]])) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let mut ports = Vec::new();
        for flow in 0..task.flows {
            let Some([to_a, to_b]) = task.peers_of(flow) else { return Err("no peers".to_owned()) };
            let mut pair = Vec::new();
            for _ in 0..2 {
                let socket = UdpSocket::bind((task.ip, 0)).await;
                pair.push(Arc::new(socket.map_err(|error| format!("cannot bind: {error}"))?));
            }
            let [a, b] = pair.as_slice() else { return Err("no pair".to_owned()) };
            let port = |socket: &UdpSocket| socket.local_addr().map_or(0, |at| at.port());
            ports.push([port(a), port(b)]);
            tokio::spawn(pass(Arc::clone(a), Arc::clone(b), to_b));
            tokio::spawn(pass(Arc::clone(b), Arc::clone(a), to_a));
        }
        ready(&ports);
        std::future::pending().await
    })
}

async fn pass(from: Arc<UdpSocket>, through: Arc<UdpSocket>, to: SocketAddr) {
    let mut buffer = vec![0; 2048];
    while let Ok((length, _)) = from.recv_from(&mut buffer).await {
        let _ = through.send_to(buffer.get(..length).unwrap_or_default(), to).await;
    }
}
