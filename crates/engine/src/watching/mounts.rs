//! Which folders are on a mount whose changes by others the system doesn't tell.

use std::path::{Path, PathBuf};

/// Network file systems, and those through which a virtual machine or a container sees its host's files.
/// Every `fuse.…` counts too: sshfs, rclone, s3fs, gcsfuse and many more.
const NETWORK: [&str; 24] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ncpfs",
    "9p",
    "virtiofs",
    "afs",
    "coda",
    "ceph",
    "glusterfs",
    "lustre",
    "gpfs",
    "beegfs",
    "orangefs",
    "pvfs2",
    "ocfs2",
    "gfs2",
    "davfs",
    "vboxsf",
    "prl_fs",
    "vmhgfs",
    "drvfs",
];

/// Whether the folder is to be polled. `table` is a table of mounts in the form of `/proc/self/mounts`;
/// without one the system is asked.
pub(crate) fn is_network(path: &Path, table: Option<&Path>) -> bool {
    match table {
        Some(table) => is_network_by(table, path),
        None => ask_system(path),
    }
}

fn is_network_by(table: &Path, path: &Path) -> bool {
    std::fs::read_to_string(table).is_ok_and(|mounts| is_network_in(&mounts, path))
}

#[cfg(target_os = "linux")]
fn ask_system(path: &Path) -> bool {
    is_network_by(Path::new("/proc/self/mounts"), path)
}

/// macOS and Windows name the file system of each mount; a Windows path may name its server itself.
#[cfg(not(target_os = "linux"))]
fn ask_system(path: &Path) -> bool {
    const WORDS: [&str; 9] = ["nfs", "smb", "afp", "webdav", "cifs", "ftp", "fuse", "9p", "virtiofs"];
    let text = path.to_string_lossy();
    // `\\?\C:\…` is a local path in its long form, `\\?\UNC\server\…` is not.
    let names_server = text.starts_with(r"\\?\UNC\") || (text.starts_with(r"\\") && !text.starts_with(r"\\?\"));
    let disks = sysinfo::Disks::new_with_refreshed_list();
    let mounted = disks
        .iter()
        .filter(|disk| path.starts_with(disk.mount_point()))
        .max_by_key(|disk| disk.mount_point().as_os_str().len());
    names_server
        || mounted.is_some_and(|disk| {
            let kind = disk.file_system().to_string_lossy().to_ascii_lowercase();
            WORDS.iter().any(|network| kind.contains(network))
        })
}

/// The mount that a path is on is the deepest one above it, and of two at one place the later.
fn is_network_in(mounts: &str, path: &Path) -> bool {
    let above = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let (_, point, kind) = (fields.next()?, fields.next()?, fields.next()?);
        let point = PathBuf::from(unescaped(point));
        path.starts_with(&point).then(|| (point.components().count(), kind))
    });
    above.max_by_key(|(depth, _)| *depth).is_some_and(|(_, kind)| kind.starts_with("fuse.") || NETWORK.contains(&kind))
}

/// The kernel writes spaces, tabs, line ends and backslashes of a name as three octal digits.
fn unescaped(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[3..]);
            }
            None => {
                bytes.push(b'\\');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = r"sysfs /sys sysfs rw 0 0
/dev/sda1 / ext4 rw,relatime 0 0
/dev/sdb1 /media/usb fuseblk rw 0 0
systemd-1 /net autofs rw 0 0
server:/data /net/data nfs4 rw,vers=4.2 0 0
//nas/share /mnt/my\040share cifs rw 0 0
//nas/new /mnt/new smb3 rw 0 0
me@host: /home/me/far fuse.sshfs rw 0 0
bucket /home/me/bucket fuse.gcsfuse rw 0 0
C:\134 /mnt/c 9p rw 0 0
tmpfs /net/data/scratch tmpfs rw 0 0
/dev/sdc1 /mnt/over ext4 rw 0 0
server:/over /mnt/over nfs rw 0 0
server:/under /mnt/under nfs rw 0 0
/dev/sdd1 /mnt/under ext4 rw 0 0
";

    #[test]
    fn network_mounts_are_told_from_local_ones() {
        let far = ["/net/data/p", "/mnt/my share/p", "/mnt/new", "/home/me/far/deep/p", "/home/me/bucket", "/mnt/c/p"];
        let near = ["/home/me/p", "/home/me/farther", "/media/usb/p", "/net/data/scratch/p", "/mnt/under/p", "/net/p"];
        for (path, network) in far.map(|path| (path, true)).into_iter().chain(near.map(|path| (path, false))) {
            assert_eq!(is_network_in(MOUNTS, Path::new(path)), network, "{path}");
        }
        assert!(is_network_in(MOUNTS, Path::new("/mnt/over/p")), "of two mounts at one place the later is seen");
    }

    #[test]
    fn names_are_unescaped() {
        assert_eq!(unescaped(r"/a\040b\011c\134d\012e\04"), "/a b\tc\\d\ne\\04");
    }
}
