//! A real Kubernetes control plane with real pods, on this machine, for as long as a test lives.
//!
//! It runs inside a mount and network namespace of its own (see [`inside`]), so that its fixed
//! ports collide with nothing and the machine's links stay as they are. It needs root, the programs
//! that `cargo xtask kubernetes` builds, and Debian's etcd, containerd, runc and CNI plugins.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};

use crate::process::{Running, again_behind, is_inside, is_there, read, wait_until};

mod files;

/// An address of this machine inside the namespace that isn't loopback.
const NODE_ADDRESS: &str = "192.0.2.2";
const API: &str = "https://127.0.0.1:26443";
/// The kubelet sets these for the whole machine: they are put back at the end.
const SYSCTLS: [&str; 3] = ["vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops"];

/// Says in one line why there is no cluster; `true` where the test is skipped for it. Where a cluster was
/// asked for, what is missing for it is a failure.
pub fn skipped() -> bool {
    if std::env::var_os("SLIPWAY_TEST_CLUSTER").is_none() {
        crate::skipped::skipped("clusters are started with CI=true or `cargo xtask test --cluster`");
        return true;
    }
    let is_root = read(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    assert!(is_root, "a cluster needs root");
    let programs = ["etcd", "containerd", "ctr", "runc", "ip", "unshare", "openssl", "curl", "cc"];
    let missing: Vec<&str> = programs.into_iter().filter(|program| !is_there(program)).collect();
    assert!(missing.is_empty(), "not installed, and a cluster needs it: {}", missing.join(", "));
    false
}

/// Runs one test of this binary again inside namespaces of its own, and fails where it fails.
/// Returns `false` in the outer process (it is done), `true` in the inner one (go on).
pub fn inside(test: &str) -> Result<bool> {
    // One node at a time: cgroups have no namespace here, and a kubelet clears away what it finds of another's pods.
    let _alone = if is_inside() { None } else { Some(one_at_a_time()?) };
    let inner = again_behind(&["unshare", "--mount", "--net", "--"], test)?;
    if inner {
        for link in
            ["link set lo up", "link add nodeif type bridge", "addr add 192.0.2.2/24 dev nodeif", "link set nodeif up"]
        {
            read(Command::new("ip").args(link.split(' ')))?;
        }
    }
    Ok(inner)
}

/// Waits until no cluster runs, and keeps others from being started for as long as the answer lives.
pub(crate) fn one_at_a_time() -> Result<fs::File> {
    let path = std::env::temp_dir().join("slipway-test-cluster.lock");
    let file = fs::File::create(&path).with_context(|| format!("make {}", path.display()))?;
    file.lock().with_context(|| format!("lock {}", path.display()))?;
    Ok(file)
}

/// A control plane and one node. Ended and cleaned up when it goes out of scope.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    /// For an administrator.
    pub kubeconfig: PathBuf,
    control_plane: Vec<Running>,
    kubelet: Option<Running>,
    containerd: Option<Running>,
    sysctls: Vec<(PathBuf, String)>,
}

impl Cluster {
    /// Starts everything and waits until pods can be made. `trusted` are registries with an
    /// authority of their own: `(host:port, PEM)`.
    pub fn start(folder: &Path, trusted: &[(String, PathBuf)]) -> Result<Self> {
        let programs = PathBuf::from(std::env::var_os("SLIPWAY_KUBERNETES").context("SLIPWAY_KUBERNETES is not set")?);
        for name in ["pki", "cni", "cni-data", "flex", "pods", "containerd/opt", "certs.d", "kubelet/pki", "etcd"] {
            fs::create_dir_all(folder.join(name))?;
        }
        files::certificates(&folder.join("pki"), NODE_ADDRESS)?;
        files::settings(folder, API, trusted)?;
        let sysctls = SYSCTLS.iter().map(|name| Path::new("/proc/sys").join(name));
        let sysctls = sysctls.filter_map(|path| fs::read_to_string(&path).ok().map(|value| (path, value))).collect();
        let mut cluster = Self {
            folder: folder.to_owned(),
            programs,
            kubeconfig: folder.join("admin.kubeconfig"),
            control_plane: Vec::new(),
            kubelet: None,
            containerd: None,
            sysctls,
        };
        cluster.start_etcd()?;
        cluster.start_containerd()?;
        cluster.start_api_server()?;
        cluster.start_controllers()?;
        cluster.start_kubelet()?;
        cluster.wait_until_usable()?;
        Ok(cluster)
    }

    fn start_etcd(&mut self) -> Result<()> {
        let mut etcd = Command::new("etcd");
        etcd.arg(format!("--data-dir={}", self.folder.join("etcd").display())).args([
            "--listen-client-urls=http://127.0.0.1:22379",
            "--advertise-client-urls=http://127.0.0.1:22379",
            "--listen-peer-urls=http://127.0.0.1:22380",
            "--initial-advertise-peer-urls=http://127.0.0.1:22380",
            "--initial-cluster=default=http://127.0.0.1:22380",
        ]);
        self.control_plane.push(Running::start("etcd", &mut etcd, &self.folder)?);
        Ok(())
    }

    fn start_containerd(&mut self) -> Result<()> {
        let mut containerd = Command::new("containerd");
        containerd.arg(format!("--config={}", self.folder.join("containerd.toml").display()));
        self.containerd = Some(Running::start("containerd", &mut containerd, &self.folder)?);
        wait_until("containerd", Duration::from_secs(20), || read(self.ctr().arg("version")).is_ok())?;
        let image = self.pause_image()?;
        read(self.ctr().args(["images", "import"]).arg(image)).map(|_| ())
    }

    fn start_api_server(&mut self) -> Result<()> {
        let at = |name: &str| self.folder.join("pki").join(name).display().to_string();
        let mut apiserver = Command::new(self.programs.join("kube-apiserver"));
        apiserver.args([
            "--bind-address=127.0.0.1",
            "--secure-port=26443",
            &format!("--advertise-address={NODE_ADDRESS}"),
            "--etcd-servers=http://127.0.0.1:22379",
            "--endpoint-reconciler-type=none",
            &format!("--token-auth-file={}", self.folder.join("tokens.csv").display()),
            "--authorization-mode=Node,RBAC",
            "--service-cluster-ip-range=10.96.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc",
            &format!("--service-account-key-file={}", at("sa.pub")),
            &format!("--service-account-signing-key-file={}", at("sa.key")),
            &format!("--client-ca-file={}", at("ca.crt")),
            &format!("--tls-cert-file={}", at("apiserver.crt")),
            &format!("--tls-private-key-file={}", at("apiserver.key")),
            "--kubelet-preferred-address-types=Hostname,InternalIP",
            &format!("--kubelet-client-certificate={}", at("apiserver-kubelet-client.crt")),
            &format!("--kubelet-client-key={}", at("apiserver-kubelet-client.key")),
            &format!("--kubelet-certificate-authority={}", at("ca.crt")),
        ]);
        // Behind etcd, so that it ends before it.
        self.control_plane.insert(1, Running::start("kube-apiserver", &mut apiserver, &self.folder)?);
        wait_until("the API server", Duration::from_secs(60), || self.get("/readyz").is_ok_and(|text| text == "ok"))
    }

    fn start_controllers(&mut self) -> Result<()> {
        let mut manager = Command::new(self.programs.join("kube-controller-manager"));
        manager.args([
            &format!("--kubeconfig={}", self.folder.join("kcm.kubeconfig").display()),
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            "--secure-port=26257",
            "--use-service-account-credentials=true",
            &format!("--service-account-private-key-file={}", self.folder.join("pki/sa.key").display()),
            &format!("--root-ca-file={}", self.folder.join("pki/ca.crt").display()),
            &format!("--flex-volume-plugin-dir={}", self.folder.join("flex").display()),
        ]);
        self.control_plane.push(Running::start("kube-controller-manager", &mut manager, &self.folder)?);

        let mut scheduler = Command::new(self.programs.join("kube-scheduler"));
        scheduler.args([
            &format!("--kubeconfig={}", self.folder.join("sched.kubeconfig").display()),
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            "--secure-port=26259",
        ]);
        self.control_plane.push(Running::start("kube-scheduler", &mut scheduler, &self.folder)?);
        Ok(())
    }

    fn start_kubelet(&mut self) -> Result<()> {
        for controller in fs::read_dir("/sys/fs/cgroup")?.flatten().filter(|entry| entry.path().is_dir()) {
            let _ = fs::create_dir(controller.path().join("k8srun"));
        }
        let mut kubelet = Command::new(self.programs.join("kubelet"));
        kubelet.args([
            &format!("--config={}", self.folder.join("kubelet.yaml").display()),
            &format!("--kubeconfig={}", self.folder.join("kubelet.kubeconfig").display()),
            &format!("--root-dir={}", self.folder.join("kubelet").display()),
            &format!("--cert-dir={}", self.folder.join("kubelet/pki").display()),
            "--hostname-override=localhost",
            &format!("--node-ip={NODE_ADDRESS}"),
        ]);
        self.kubelet = Some(Running::start("kubelet", &mut kubelet, &self.folder)?);
        Ok(())
    }

    fn wait_until_usable(&self) -> Result<()> {
        wait_until("the node", Duration::from_secs(90), || {
            self.get("/api/v1/nodes/localhost").is_ok_and(|text| {
                let node: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
                let conditions = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
                conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
            })
        })
        .with_context(|| self.said("kubelet"))?;
        for path in ["serviceaccounts/default", "configmaps/kube-root-ca.crt"] {
            wait_until(path, Duration::from_secs(60), || {
                self.get(&format!("/api/v1/namespaces/default/{path}")).is_ok()
            })?;
        }
        Ok(())
    }

    /// Asks the API server as administrator.
    pub fn get(&self, path: &str) -> Result<String> {
        self.send("GET", path, None)
    }

    /// Makes an object from JSON, as administrator.
    pub fn create(&self, path: &str, object: &serde_json::Value) -> Result<String> {
        self.send("POST", path, Some(object))
    }

    pub fn delete(&self, path: &str) -> Result<String> {
        self.send("DELETE", path, None)
    }

    fn send(&self, method: &str, path: &str, body: Option<&serde_json::Value>) -> Result<String> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail-with-body", "--max-time", "10", "--noproxy", "*"]);
        curl.args(["--request", method, "--header", "Authorization: Bearer admintoken", "--cacert"]);
        curl.arg(self.folder.join("pki/ca.crt")).arg(format!("{API}{path}"));
        if let Some(body) = body {
            curl.args(["--header", "Content-Type: application/json", "--data", &body.to_string()]);
        }
        read(&mut curl)
    }

    /// A kubeconfig of a service account that may do nothing, in the namespace `default`.
    pub fn powerless(&self) -> Result<PathBuf> {
        let accounts = "/api/v1/namespaces/default/serviceaccounts";
        self.create(accounts, &serde_json::json!({ "metadata": { "name": "powerless" } }))?;
        let request =
            serde_json::json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {} });
        let answer = self.create(&format!("{accounts}/powerless/token"), &request)?;
        let answer: serde_json::Value = serde_json::from_str(&answer)?;
        let token = answer["status"]["token"].as_str().context("no token was made")?;
        let file = self.folder.join("powerless.kubeconfig");
        fs::write(&file, files::kubeconfig(&self.folder, API, "powerless", token))?;
        Ok(file)
    }

    /// Ends one container's process, as a fault would.
    pub fn kill_container(&self, namespace: &str, pod: &str) -> Result<()> {
        let text = self.get(&format!("/api/v1/namespaces/{namespace}/pods/{pod}"))?;
        let found: serde_json::Value = serde_json::from_str(&text)?;
        let id = found["status"]["containerStatuses"][0]["containerID"].as_str().unwrap_or_default();
        let id = id.strip_prefix("containerd://").with_context(|| format!("{pod} has no container"))?;
        read(self.ctr().args(["tasks", "kill", "--signal", "SIGKILL", id])).map(|_| ())
    }

    /// Ends the API server as a fault would; pods run on.
    pub fn lose_api_server(&mut self) -> Result<()> {
        let server = self.control_plane.iter_mut().find(|process| process.name() == "kube-apiserver");
        server.context("no API server runs")?.kill();
        self.control_plane.retain(|process| process.name() != "kube-apiserver");
        Ok(())
    }

    /// Starts the API server again and waits until it answers.
    pub fn bring_api_server_back(&mut self) -> Result<()> {
        self.start_api_server()
    }

    /// The last lines that one of its programs wrote.
    pub fn said(&self, program: &str) -> String {
        let text = fs::read_to_string(self.folder.join(format!("{program}.log"))).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(15).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// containerd's own client, in the namespace that the kubelet uses.
    fn ctr(&self) -> Command {
        let mut ctr = Command::new("ctr");
        ctr.arg("--address").arg(self.folder.join("containerd/c.sock")).args(["--namespace", "k8s.io"]);
        ctr
    }

    /// The sandbox image: a static program of our own that sleeps and ends on SIGTERM, as an
    /// archive that containerd imports.
    fn pause_image(&self) -> Result<PathBuf> {
        let folder = self.folder.join("pause");
        fs::create_dir_all(folder.join("root"))?;
        fs::write(folder.join("pause.c"), files::PAUSE_SOURCE)?;
        read(
            Command::new("cc")
                .args(["-static", "-Os", "-o"])
                .arg(folder.join("root/pause"))
                .arg(folder.join("pause.c")),
        )?;
        read(
            Command::new("tar")
                .arg("-cf")
                .arg(folder.join("layer.tar"))
                .arg("-C")
                .arg(folder.join("root"))
                .arg("pause"),
        )?;
        let layer = hex::encode(Sha256::digest(fs::read(folder.join("layer.tar"))?));
        let settings = serde_json::json!({
            "architecture": "amd64", "os": "linux", "config": {"Entrypoint": ["/pause"]},
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
        });
        fs::write(folder.join("config.json"), settings.to_string())?;
        let manifest =
            serde_json::json!([{"Config": "config.json", "RepoTags": [files::PAUSE_IMAGE], "Layers": ["layer.tar"]}]);
        fs::write(folder.join("manifest.json"), manifest.to_string())?;
        let archive = folder.join("pause.tar");
        read(Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&folder).args([
            "manifest.json",
            "config.json",
            "layer.tar",
        ]))?;
        Ok(archive)
    }

    fn delete_pods(&self) {
        let namespaces: serde_json::Value =
            self.get("/api/v1/namespaces").ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let items = namespaces["items"].as_array().into_iter().flatten();
        for namespace in items.filter_map(|item| item["metadata"]["name"].as_str()) {
            // Deployments first: they would make their pods again.
            let _ = self.delete(&format!("/apis/apps/v1/namespaces/{namespace}/deployments"));
            let _ = self.delete(&format!("/api/v1/namespaces/{namespace}/pods?gracePeriodSeconds=0"));
        }
        let _ = wait_until("the pods' end", Duration::from_secs(30), || {
            read(self.ctr().args(["tasks", "ls", "-q"])).is_ok_and(|text| text.trim().is_empty())
        });
    }
}

impl Drop for Cluster {
    /// In this order: pods while the kubelet lives, then the kubelet, the control plane backwards,
    /// containerd, and what the kubelet left behind.
    fn drop(&mut self) {
        self.delete_pods();
        let patience = Duration::from_secs(10);
        if let Some(kubelet) = &mut self.kubelet {
            kubelet.end(patience);
        }
        for process in self.control_plane.iter_mut().rev() {
            process.end(patience);
        }
        if let Some(containerd) = &mut self.containerd {
            containerd.end(patience);
        }
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let folder = self.folder.display().to_string();
        let mut points: Vec<&str> = mounts
            .lines()
            .filter_map(|line| line.split(' ').nth(1))
            .filter(|point| point.starts_with(&folder))
            .collect();
        points.sort_by_key(|point| std::cmp::Reverse(point.len()));
        for point in points {
            let _ = read(Command::new("umount").args(["-l", point]));
        }
        let _ = read(Command::new("ip").args(["link", "del", "k8srun0"]));
        if let Ok(controllers) = fs::read_dir("/sys/fs/cgroup") {
            for controller in controllers.flatten() {
                remove_cgroups(&controller.path().join("k8srun"));
            }
        }
        for (path, value) in &self.sysctls {
            let _ = fs::write(path, value);
        }
    }
}

/// Deepest first: a cgroup with children can't be removed.
fn remove_cgroups(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        remove_cgroups(&entry.path());
    }
    let _ = fs::remove_dir(folder);
}
