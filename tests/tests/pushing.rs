//! Pushing through the engine to a real registry, with something in between that goes wrong.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context as _, Result, bail, ensure};
use api::{
    ApiError, ErrorCode, RegistryId,
    host::SetSecret,
    job::{Job, RetryJob, Subject},
    model::Version,
    package::{AddRegistry, CheckRegistry, ExportPackage, ListPackages, Push, PushPackage, RemoveRegistry},
};
use journeys::{
    meddler::{Act, Meddler, Seen},
    process::skipped_without,
    registry::{PASSWORD, Registry, USER},
    stage::Stage,
};

async fn add(stage: &Stage, address: &str) -> Result<RegistryId> {
    let request = AddRegistry {
        name: "harbour".to_owned(),
        address: address.to_owned(),
        plain_http: true,
        ..AddRegistry::default()
    };
    Ok(stage.call(request).await?.id)
}

async fn push(stage: &Stage, version: &Version, registry: RegistryId) -> Result<Job> {
    let request = PushPackage { version: version.id, registry, repository: Some("team/big-x".to_owned()), tag: None };
    Ok(stage.call(request).await?)
}

async fn pushed(stage: &Stage, version: &Version) -> Result<Option<Push>> {
    let packages = stage.call(ListPackages { version: Some(version.id) }).await?;
    Ok(packages.into_iter().next().and_then(|package| package.pushes.into_iter().next()))
}

async fn version(stage: &Stage) -> Result<Version> {
    stage.version(stage.project("big-x").await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_stops_half_way_gets_that_blob_again_and_the_finished_ones_not() {
    if skipped_without(&["docker-registry"]) {
        return;
    }
    let Some(stage) = Stage::new().await.unwrap() else { return };
    half_way(&stage).await.unwrap();
}

/// The same image as a file.
async fn exported(stage: &Stage, version: &Version) -> Result<()> {
    let packages = stage.call(ListPackages { version: Some(version.id) }).await?;
    let package = packages.first().context("there is a package")?;
    let export = |name: &str| {
        let path = stage.folder.path().join(name).to_string_lossy().into_owned();
        ExportPackage { package: package.id, path, overwrite: false }
    };
    let Err(refused) = stage.call(export("nowhere/image.tar")).await else { bail!("a folder that is not there") };
    ensure!(refused.to_string().contains("There is no folder"), "{refused}");
    let job = stage.call(export("image.tar")).await?;
    let done = stage.done(job).await?;
    ensure!(done.subject == Subject::Package(package.id), "{:?}", done.subject);
    let size_bytes = std::fs::metadata(stage.folder.path().join("image.tar"))?.len();
    ensure!(size_bytes > package.size_bytes, "{size_bytes} bytes of {}", package.size_bytes);
    // What is there is replaced only on demand.
    let path = stage.folder.path().join("image.tar");
    std::fs::write(&path, "precious")?;
    let Err(refused) = stage.call(export("image.tar")).await else { bail!("a file is replaced") };
    ensure!(refused.to_string().contains("is there already"), "{refused}");
    ensure!(std::fs::read(&path)? == b"precious");
    let job = stage.call(ExportPackage { overwrite: true, ..export("image.tar") }).await?;
    stage.done(job).await?;
    ensure!(std::fs::metadata(&path)?.len() == size_bytes);
    Ok(())
}

async fn half_way(stage: &Stage) -> Result<()> {
    let registry = Registry::plain(&stage.folder.path().join("registry"))?;
    // The connection is lost while the second blob is sent, once.
    let lost = AtomicUsize::new(0);
    let meddler = Meddler::before(&registry.address, move |before, now| {
        let second = before.iter().any(Seen::ends_a_blob) && now.method == "PATCH";
        if second && lost.fetch_add(1, Ordering::SeqCst) == 0 { Act::Cut } else { Act::Pass }
    })
    .await?;
    let version = version(stage).await?;
    let id = add(stage, &meddler.address).await?;
    let job = push(stage, &version, id).await?;
    stage.done(job).await?;

    let seen = meddler.seen();
    let mut ended = BTreeMap::<&str, u32>::new();
    for one in seen.iter().filter(|one| one.ends_a_blob()) {
        *ended.entry(one.path.split("digest=").nth(1).unwrap_or_default()).or_default() += 1;
    }
    let begun = seen.iter().filter(|one| one.method == "POST").count();
    ensure!(ended.len() == 3 && ended.values().all(|times| *times == 1), "a finished blob was sent again: {ended:?}");
    ensure!(begun == 4, "one upload of three is begun again, {begun} were");
    let push = pushed(stage, &version).await?.context("no push is noted")?;
    ensure!(push.skipped_bytes == 0 && push.sent_bytes > 0, "{push:?}");
    exported(stage, &version).await?;

    // Again: nothing is sent.
    let before = meddler.seen().len();
    let job = self::push(stage, &version, id).await?;
    stage.done(job).await?;
    let again = meddler.seen().split_off(before);
    ensure!(again.iter().all(|one| !matches!(one.method.as_str(), "POST" | "PATCH")), "{again:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_bytes_and_refusals_are_said_and_name_nothing() {
    if skipped_without(&["docker-registry"]) {
        return;
    }
    let Some(stage) = Stage::new().await.unwrap() else { return };
    changed(&stage).await.unwrap();
}

/// Pushes through a meddler that does `act` to what `applies`, and expects that it fails.
async fn fails(
    stage: &Stage,
    registry: &Registry,
    version: &Version,
    applies: fn(&Seen) -> bool,
    act: Act,
) -> Result<(ApiError, Vec<Seen>)> {
    let meddler = Meddler::before(&registry.address, move |_, now| if applies(now) { act.clone() } else { Act::Pass });
    let meddler = meddler.await?;
    let id = add(stage, &meddler.address).await?;
    let job = push(stage, version, id).await?;
    let failure = stage.failed(job).await?;
    ensure!(pushed(stage, version).await?.is_none(), "a push is noted that failed");
    ensure!(failure.hint.is_some(), "there is no way out of {failure}");
    stage.call(RemoveRegistry { registry: id }).await?;
    Ok((failure, meddler.seen()))
}

async fn changed(stage: &Stage) -> Result<()> {
    let registry = Registry::plain(&stage.folder.path().join("registry"))?;
    let version = version(stage).await?;

    // A proxy that changes what is sent: the registry sees another digest, again and again.
    let patches = |now: &Seen| now.method == "PATCH";
    let (failure, seen) = fails(stage, &registry, &version, patches, Act::Flip).await?;
    ensure!(failure.message.contains("digest"), "{failure}");
    ensure!(seen.iter().filter(|one| one.ends_a_blob()).count() == 4, "it is worth four tries: {seen:?}");
    ensure!(seen.iter().all(|one| !one.path.contains("/manifests/")), "the image is named without its blobs");

    // A registry that refuses is not asked again, and its words are kept.
    let body = r#"{"errors":[{"code":"DENIED","message":"the project's quota is used up"}]}"#;
    let answer = format!("HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let begins = |now: &Seen| now.method == "POST";
    let (failure, seen) = fails(stage, &registry, &version, begins, Act::Answer(answer)).await?;
    ensure!(failure.code == ErrorCode::Forbidden && failure.message.contains("quota is used up"), "{failure}");
    ensure!(seen.iter().filter(|one| one.method == "POST").count() == 1, "{seen:?}");

    // One that says it keeps another image than was sent.
    let wrong = format!("sha256:{}", "0".repeat(64));
    let answer =
        format!("HTTP/1.1 200 OK\r\nDocker-Content-Digest: {wrong}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let reads_back = |now: &Seen| now.method == "HEAD" && now.path.contains("/manifests/");
    let (failure, _) = fails(stage, &registry, &version, reads_back, Act::Answer(answer)).await?;
    ensure!(failure.message.contains("keeps other bytes than were sent"), "{failure}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_wants_another_password_takes_the_job_again_with_the_right_one() {
    if skipped_without(&["docker-registry", "htpasswd", "openssl"]) {
        return;
    }
    let Some(stage) = Stage::new().await.unwrap() else { return };
    password(&stage).await.unwrap();
}

async fn password(stage: &Stage) -> Result<()> {
    let registry = Registry::with_tls_and_password(&stage.folder.path().join("registry"))?;
    let authority = std::fs::read_to_string(registry.ca.as_ref().context("no authority")?)?;
    let add = |password: &str, ca_pem: Option<String>| AddRegistry {
        name: "harbour".to_owned(),
        address: registry.address.clone(),
        username: Some(USER.to_owned()),
        password: Some(password.to_owned()),
        plain_http: false,
        ca_pem,
    };
    let version = version(stage).await?;
    // An authority that nobody knows.
    let known = stage.call(add(PASSWORD, None)).await?;
    let check = stage.call(CheckRegistry { registry: known.id }).await?;
    ensure!(!check.ok && check.hint.as_deref().unwrap_or_default().contains("PEM"), "{check:?}");
    stage.call(RemoveRegistry { registry: known.id }).await?;

    let known = stage.call(add("of last year", Some(authority))).await?;
    let job = push(stage, &version, known.id).await?;
    let failed = stage.over(job).await?;
    let failure = failed.error.clone().context("a wrong password was taken")?;
    ensure!(failure.code == ErrorCode::Forbidden && failure.message.contains(&registry.address), "{failure}");
    ensure!(failure.hint.as_deref().unwrap_or_default().contains("password") && failed.retryable, "{failed:?}");
    let leaked = format!("{failed:?}");
    ensure!(!leaked.contains("of last year"), "the password is in {leaked}");

    // The same registry with the right one; the job is sent again as it was.
    let name = format!("registry/{}", known.id);
    stage.call(SetSecret { name, value: PASSWORD.to_owned(), backend: None }).await?;
    let again = stage.call(RetryJob { job: failed.id }).await?;
    stage.done(again).await?;
    ensure!(pushed(stage, &version).await?.is_some());
    Ok(())
}
