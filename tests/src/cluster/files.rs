//! Certificates and settings of the control plane, as files.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::process::read;

pub(super) const PAUSE_IMAGE: &str = "slipway.test/pause:1";
pub(super) const PAUSE_SOURCE: &str = r#"
#include <signal.h>
#include <unistd.h>
static void end(int signal) { (void)signal; _exit(0); }
int main(void) { signal(SIGTERM, end); signal(SIGINT, end); for (;;) pause(); }
"#;

/// One authority signs the API server's, the kubelet's, and the client certificate between them.
pub(super) fn certificates(pki: &Path, node: &str) -> Result<()> {
    let ca_key = pki.join("ca.key");
    let ca = pki.join("ca.crt");
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=journey-ca", "-keyout"]);
    read(make.arg(&ca_key).arg("-out").arg(&ca))?;
    let names = format!("IP:127.0.0.1,IP:10.96.0.1,IP:{node},DNS:localhost,DNS:kubernetes,DNS:kubernetes.default.svc");
    for (name, subject, alternatives) in [
        ("apiserver", "/CN=kube-apiserver", names.as_str()),
        ("kubelet", "/CN=localhost", "DNS:localhost,IP:127.0.0.1"),
        ("apiserver-kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client", "DNS:unused"),
    ] {
        let [key, request, certificate, extensions] =
            ["key", "csr", "crt", "ext"].map(|ending| pki.join(format!("{name}.{ending}")));
        fs::write(&extensions, format!("subjectAltName={alternatives}\n"))?;
        let mut make = Command::new("openssl");
        make.args(["req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout"]);
        read(make.arg(&key).arg("-out").arg(&request))?;
        let mut sign = Command::new("openssl");
        sign.args(["x509", "-req", "-days", "30", "-CAcreateserial", "-in"]).arg(&request);
        sign.arg("-CA").arg(&ca).arg("-CAkey").arg(&ca_key).arg("-extfile").arg(&extensions);
        read(sign.arg("-out").arg(&certificate))?;
    }
    read(Command::new("openssl").args(["genrsa", "-out"]).arg(pki.join("sa.key")).arg("2048"))?;
    read(
        Command::new("openssl")
            .args(["rsa", "-pubout", "-in"])
            .arg(pki.join("sa.key"))
            .arg("-out")
            .arg(pki.join("sa.pub")),
    )?;
    Ok(())
}

/// Tokens, kubeconfigs, and the settings of containerd, the kubelet and the pod network.
pub(super) fn settings(folder: &Path, server: &str, trusted: &[(String, PathBuf)]) -> Result<()> {
    let here = folder.display();
    fs::write(
        folder.join("tokens.csv"),
        "admintoken,admin,u1,\"system:masters\"\nkcmtoken,system:kube-controller-manager,u2\n\
         schedtoken,system:kube-scheduler,u3\nnodetoken,system:node:localhost,u4,\"system:nodes\"\n",
    )?;
    for (name, token) in
        [("admin", "admintoken"), ("kcm", "kcmtoken"), ("sched", "schedtoken"), ("kubelet", "nodetoken")]
    {
        fs::write(folder.join(format!("{name}.kubeconfig")), kubeconfig(folder, server, name, token))?;
    }
    fs::write(
        folder.join("kubelet.yaml"),
        format!(
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\naddress: 127.0.0.1\nport: 26250\nhealthzPort: 0\n\
             tlsCertFile: {here}/pki/kubelet.crt\ntlsPrivateKeyFile: {here}/pki/kubelet.key\n\
             authentication: {{anonymous: {{enabled: false}}, webhook: {{enabled: true}}, x509: {{clientCAFile: {here}/pki/ca.crt}}}}\n\
             authorization: {{mode: Webhook}}\ncontainerRuntimeEndpoint: unix://{here}/containerd/c.sock\npodLogsDir: {here}/pods\n\
             volumePluginDir: {here}/flex\ncgroupDriver: cgroupfs\ncgroupRoot: /k8srun\nfailCgroupV1: false\nfailSwapOn: false\n\
             oomScoreAdj: 0\nmaxOpenFiles: 20000\nmakeIPTablesUtilChains: false\nclusterDNS: [10.96.0.10]\nclusterDomain: cluster.local\n\
             evictionHard: {{memory.available: 50Mi, nodefs.available: 1%, nodefs.inodesFree: 1%, imagefs.available: 1%}}\n"
        ),
    )?;
    fs::write(
        folder.join("containerd.toml"),
        format!(
            r#"version = 2
root = "{here}/containerd/root"
state = "{here}/containerd/state"
[grpc]
address = "{here}/containerd/c.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{here}/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE_IMAGE}"
restrict_oom_score_adj = true
disable_apparmor = true
netns_mounts_under_state_dir = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{here}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
Root = "{here}/containerd/runc"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "{here}/certs.d"
"#
        ),
    )?;
    fs::write(
        folder.join("cni/10-k8s.conflist"),
        format!(
            r#"{{"cniVersion":"1.0.0","name":"k8srun","plugins":[{{"type":"bridge","bridge":"k8srun0","isGateway":true,"ipMasq":false,"hairpinMode":true,"ipam":{{"type":"host-local","dataDir":"{here}/cni-data","ranges":[[{{"subnet":"10.244.77.0/24"}}]]}}}}]}}"#
        ),
    )?;
    for (address, authority) in trusted {
        let registry = folder.join("certs.d").join(address);
        fs::create_dir_all(&registry)?;
        fs::write(
            registry.join("hosts.toml"),
            format!("server = \"https://{address}\"\n[host.\"https://{address}\"]\nca = \"{}\"\n", authority.display()),
        )?;
    }
    Ok(())
}

/// The way to the cluster for one user, in the context `journey`.
pub(super) fn kubeconfig(folder: &Path, server: &str, user: &str, token: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: journey\n  cluster:\n    server: {server}\n    \
         certificate-authority: {}/pki/ca.crt\nusers:\n- name: {user}\n  user:\n    token: {token}\ncontexts:\n\
         - name: journey\n  context:\n    cluster: journey\n    user: {user}\n    namespace: default\ncurrent-context: journey\n",
        folder.display()
    )
}
