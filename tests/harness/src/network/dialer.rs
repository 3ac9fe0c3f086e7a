//! Which node dialed a connection: the kernel knows the socket at its other end, the socket's
//! process, and with which peer listener that process was started (proc(5)).

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

/// The place among `peers` of the node that dialed, or `None` if it was no node.
pub(super) fn place(dialed: &TcpStream, peers: &[SocketAddr]) -> Option<usize> {
    let (from, to) = (dialed.peer_addr().ok()?, dialed.local_addr().ok()?);
    let table = fs::read_to_string("/proc/net/tcp").expect("proc(5) is there");
    let socket = format!("socket:[{}]", inode(&table, from, to)?);
    let processes = fs::read_dir("/proc").expect("proc(5) is there");
    processes.flatten().find_map(|process| {
        let command = fs::read(process.path().join("cmdline")).ok()?;
        let peer = listener(&command)?;
        let place = peers.iter().position(|it| *it == peer)?;
        holds(&process.path(), &socket).then_some(place)
    })
}

/// The inode of the socket that is connected from here to there, in `/proc/net/tcp`.
fn inode(table: &str, from: SocketAddr, to: SocketAddr) -> Option<&str> {
    let (from, to) = (hexadecimal(from)?, hexadecimal(to)?);
    table.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let is_it = fields.next() == Some(&*from) && fields.next() == Some(&*to);
        if is_it { fields.nth(6) } else { None }
    })
}

/// An address as the kernel prints it: the four bytes as a number of this machine, and the port.
fn hexadecimal(address: SocketAddr) -> Option<String> {
    let SocketAddr::V4(address) = address else {
        return None;
    };
    let ip = u32::from_ne_bytes(address.ip().octets());
    Some(format!("{ip:08X}:{:04X}", address.port()))
}

/// The peer listener in a node's command line.
fn listener(command: &[u8]) -> Option<SocketAddr> {
    let mut args = command.split(|byte| *byte == 0);
    args.find(|arg| *arg == b"--peer")?;
    std::str::from_utf8(args.next()?).ok()?.parse().ok()
}

fn holds(process: &Path, socket: &str) -> bool {
    let files = fs::read_dir(process.join("fd")).into_iter().flatten();
    files.flatten().any(|file| {
        let target = fs::read_link(file.path());
        target.is_ok_and(|target| target.as_os_str() == socket)
    })
}

#[cfg(test)]
mod tests {
    use super::{inode, listener};

    #[test]
    fn reads_what_the_kernel_and_a_command_line_say() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   7: 0100007F:1F90 0200007F:2710 01 00000000:00000000 00:00000000 00000000     0        0 4711 1 0
";
        let from = "127.0.0.1:8080".parse().unwrap();
        let to = "127.0.0.2:10000".parse().unwrap();
        if cfg!(target_endian = "little") {
            assert_eq!(inode(table, from, to), Some("4711"));
        }
        assert_eq!(inode(table, to, from), None);
        let command = [
            "tollgate",
            "start",
            "--peer",
            "127.0.0.1:10000",
            "--ops",
            "",
        ]
        .join("\0");
        assert_eq!(
            listener(command.as_bytes()),
            Some("127.0.0.1:10000".parse().unwrap())
        );
        assert_eq!(listener(b"haproxy\0-db\0"), None);
    }
}
