//! Which process a client of ours is: the one that holds the other end of its connection on this machine.
//!
//! No right is needed beyond the user's own: processes of others are hidden, and stay so. Linux says it in `/proc`;
//! elsewhere the system's own program is asked: the crate that would tell it (`netstat2`) builds with libclang alone.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
};

use super::{ProcessId, started_ms};

/// What is known of a connection's other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Process(ProcessId),
    /// Of another user, or behind the wall of a container.
    Hidden,
    /// The connection is closed.
    Gone,
}

/// Who holds these ends of connections to our `port`: one look for all. It reads the files of every process, which takes
/// milliseconds.
pub(crate) fn holders(ends: &[SocketAddr], port: u16) -> HashMap<SocketAddr, Peer> {
    let pids = system::pids(ends, port);
    let peer = |end: &SocketAddr| match pids.get(end) {
        None => Peer::Gone,
        // A process that was forked holds its parent's connections, too: the oldest made them, and has the others
        // below it.
        Some(pids) => {
            let processes = pids.iter().filter_map(|pid| Some((started_ms(*pid)?, *pid)));
            processes.min().map_or(Peer::Hidden, |(started_ms, pid)| Peer::Process(ProcessId { pid, started_ms }))
        }
    };
    let mut peers = HashMap::new();
    for end in ends {
        // Many runs may have begun over one connection.
        peers.entry(*end).or_insert_with(|| peer(end));
    }
    peers
}

/// The pids that hold each end: none of an end that is there and hidden.
type Pids = HashMap<SocketAddr, Vec<u32>>;

#[cfg(target_os = "linux")]
mod system {
    use std::{collections::HashMap, net::SocketAddr, path::Path};

    use super::{Pids, ends_of_table};

    pub(super) fn pids(ends: &[SocketAddr], port: u16) -> Pids {
        let mut inodes: HashMap<u64, SocketAddr> = HashMap::new();
        // A client of the sixth version's sockets reaches us by an address of the fourth, too.
        for table in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
            let table = std::fs::read_to_string(table).unwrap_or_default();
            inodes.extend(ends_of_table(&table, port).filter(|(_, end)| ends.contains(end)));
        }
        let mut pids: Pids = inodes.values().map(|end| (*end, Vec::new())).collect();
        let Ok(processes) = std::fs::read_dir("/proc") else { return pids };
        for process in processes.flatten().filter(|_| !inodes.is_empty()) {
            let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            for inode in sockets(&process.path().join("fd")) {
                if let Some(end) = inodes.get(&inode) {
                    pids.entry(*end).or_default().push(pid);
                }
            }
        }
        pids
    }

    /// The sockets that a process has open; none where it is not ours to look at.
    fn sockets(open: &Path) -> impl Iterator<Item = u64> {
        std::fs::read_dir(open).into_iter().flatten().flatten().filter_map(|file| {
            let target = std::fs::read_link(file.path()).ok()?;
            target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
        })
    }
}

/// The clients' ends of connections to `port` in a table of the form of `/proc/net/tcp`, with their inodes.
#[cfg(any(target_os = "linux", test))]
fn ends_of_table(table: &str, port: u16) -> impl Iterator<Item = (u64, SocketAddr)> {
    table.lines().skip(1).filter_map(move |line| {
        let mut columns = line.split_whitespace().skip(1);
        let (local, remote) = (loopback(columns.next()?)?, loopback(columns.next()?)?);
        // The inode is the tenth column; one that waits for its last packets is nobody's any more.
        let inode = columns.nth(6)?.parse().ok().filter(|inode| *inode > 0)?;
        (remote.port() == port).then_some((inode, local))
    })
}

/// `0100007F:15C9`, as the kernel writes it: the address as it lies in memory, of the sixth version its last four bytes.
#[cfg(any(target_os = "linux", test))]
fn loopback(end: &str) -> Option<SocketAddr> {
    let (address, port) = end.split_once(':')?;
    let last = address.get(address.len().checked_sub(8)?..)?;
    let address = Ipv4Addr::from(u32::from_str_radix(last, 16).ok()?.to_ne_bytes());
    Some(SocketAddr::from((address, u16::from_str_radix(port, 16).ok()?)))
}

#[cfg(target_os = "macos")]
mod system {
    use std::net::SocketAddr;

    use super::{Pids, told_by_lsof};

    pub(super) fn pids(ends: &[SocketAddr], port: u16) -> Pids {
        let asked = format!("-iTCP@127.0.0.1:{port}");
        let mut command = std::process::Command::new("/usr/sbin/lsof");
        let told = command.args(["-nP", "-a", &asked, "-sTCP:ESTABLISHED", "-Fpn"]).output();
        told.map(|told| told_by_lsof(&String::from_utf8_lossy(&told.stdout), ends, port)).unwrap_or_default()
    }
}

/// `p4711`, then the process's connections, each `n127.0.0.1:51000->127.0.0.1:5577`. Other users' are not told at all.
#[cfg(any(target_os = "macos", test))]
fn told_by_lsof(text: &str, ends: &[SocketAddr], port: u16) -> Pids {
    let (mut pids, mut of) = (Pids::new(), None);
    let ours = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    for line in text.lines() {
        if let Some(pid) = line.strip_prefix('p') {
            of = pid.parse().ok();
        } else if let Some((from, to)) = line.strip_prefix('n').and_then(|name| name.split_once("->"))
            && let (Ok(from), Ok(to), Some(pid)) = (from.parse(), to.parse::<SocketAddr>(), of)
            && to == ours
            && ends.contains(&from)
        {
            pids.entry(from).or_default().push(pid);
        }
    }
    pids
}

#[cfg(windows)]
mod system {
    use std::{net::SocketAddr, os::windows::process::CommandExt as _};

    use super::{Pids, told_by_netstat};
    use crate::process::NO_WINDOW;

    pub(super) fn pids(ends: &[SocketAddr], port: u16) -> Pids {
        let mut command = std::process::Command::new("netstat");
        let told = command.args(["-n", "-o", "-p", "TCP"]).creation_flags(NO_WINDOW).output();
        told.map(|told| told_by_netstat(&String::from_utf8_lossy(&told.stdout), ends, port)).unwrap_or_default()
    }
}

/// `TCP 127.0.0.1:51000 127.0.0.1:5577 ESTABLISHED 4711`; the state is a word of the system's language.
#[cfg(any(windows, test))]
fn told_by_netstat(text: &str, ends: &[SocketAddr], port: u16) -> Pids {
    let mut pids = Pids::new();
    let ours = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    for line in text.lines() {
        let columns: Vec<&str> = line.split_whitespace().collect();
        if let [_, from, to, .., pid] = columns[..]
            && let (Ok(from), Ok(to), Ok(pid)) = (from.parse(), to.parse::<SocketAddr>(), pid.parse())
            && to == ours
            && ends.contains(&from)
        {
            pids.entry(from).or_default().push(pid);
        }
    }
    pids
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
mod system {
    use super::Pids;

    pub(super) fn pids(ends: &[std::net::SocketAddr], _port: u16) -> Pids {
        ends.iter().map(|end| (*end, Vec::new())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(port: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_kernels_table_says_which_end_has_which_inode() {
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        let line = |local: &str, remote: &str, inode: &str| {
            format!(
                "   0: {local} {remote} 01 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1 0 20 4 30 10 -1"
            )
        };
        let table = [
            head.to_owned(),
            line("0100007F:C738", "0100007F:15C9", "4242"),
            line("0000000000000000FFFF00000100007F:C739", "0000000000000000FFFF00000100007F:15C9", "4243"),
            // The other end is ours; another port; one that is closed.
            line("0100007F:15C9", "0100007F:C738", "4244"),
            line("0100007F:C73A", "0100007F:15CA", "4245"),
            line("0100007F:C73B", "0100007F:15C9", "0"),
        ];
        let found: Vec<_> = ends_of_table(&table.join("\n"), 5577).collect();
        assert_eq!(found, [(4242, end(51000)), (4243, end(51001))]);
    }

    #[test]
    fn the_other_systems_programs_are_read() {
        let ends = [end(51000)];
        let expected = Pids::from([(end(51000), vec![4711])]);
        let lsof = "p99\nf12\nn127.0.0.1:5577->127.0.0.1:51000\np4711\nf7\nn127.0.0.1:51000->127.0.0.1:5577\nn*:80\n";
        assert_eq!(told_by_lsof(lsof, &ends, 5577), expected);
        let netstat = "\r\nAktive Verbindungen\r\n\r\n  Proto  Lokale Adresse  Remoteadresse  Status  PID\r\n  TCP    127.0.0.1:5577         127.0.0.1:51000        HERGESTELLT     99\r\n  TCP    127.0.0.1:51000        127.0.0.1:5577         HERGESTELLT     4711\r\n";
        assert_eq!(told_by_netstat(netstat, &ends, 5577), expected);
    }

    #[test]
    #[cfg(any(target_os = "linux", target_os = "macos", windows))]
    fn the_process_at_the_other_end_is_found_until_it_closes() {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let ours = listener.local_addr().unwrap();
        let client = std::net::TcpStream::connect(ours).unwrap();
        let (_server, peer) = listener.accept().unwrap();
        let found = holders(&[peer], ours.port());
        let Peer::Process(process) = found[&peer] else { panic!("{found:?}") };
        assert_eq!(process.pid, std::process::id());
        drop(client);
        assert_eq!(holders(&[peer], ours.port())[&peer], Peer::Gone);
    }
}
