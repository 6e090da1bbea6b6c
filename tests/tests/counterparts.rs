//! The counterparts themselves: what journeys stand on is there and real.

use journeys::{
    cluster::{self, Cluster},
    process::{read, skipped_without},
    registry::{PASSWORD, Registry, USER},
};

#[test]
fn the_registry_wants_its_password() {
    if skipped_without(&["docker-registry", "htpasswd", "openssl", "curl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::with_tls_and_password(folder.path()).unwrap();
    let authority = registry.ca.clone().unwrap();
    let ask = |credentials: &str| {
        let mut curl = std::process::Command::new("curl");
        curl.args([
            "--silent",
            "--noproxy",
            "*",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
            "--user",
            credentials,
        ]);
        read(curl.arg("--cacert").arg(&authority).arg(format!("https://{}/v2/", registry.address))).unwrap()
    };
    assert_eq!(ask("nobody:wrong"), "401");
    assert_eq!(ask(&format!("{USER}:{PASSWORD}")), "200");
}

#[test]
fn the_cluster_has_a_ready_node() {
    if cluster::skipped() {
        return;
    }
    if !cluster::inside("counterparts::the_cluster_has_a_ready_node").unwrap() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(folder.path(), &[]).unwrap();
    assert!(cluster.get("/version").unwrap().contains("1.36"));
}
