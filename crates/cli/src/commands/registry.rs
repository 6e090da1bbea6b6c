//! `slipway registry`: registries, and the images that go there.

use std::path::PathBuf;

use api::{
    ApiError,
    deleted::{ListRemovedRegistries, RemovedRegistry, RestoreRegistry},
    package::{
        AddRegistry, BuildPackage, CheckRegistry, ExportPackage, ListPackages, ListRegistries, Package, PushPackage,
        Registry, RegistryCheck, RemoveRegistry, SetRegistryPassword,
    },
};
use clap::Subcommand;

use crate::{
    context::{Context, Outcome, absolute},
    output::table,
    words,
};

#[derive(Debug, Subcommand)]
pub(crate) enum RegistryCommand {
    /// Lists the known registries
    List {
        /// Those that were removed within a day, instead
        #[arg(long)]
        removed: bool,
    },
    /// Adds a registry; a password goes straight to the secret store
    Add {
        /// What you call it
        name: String,
        /// Such as `registry.example.com:5000/team`: a host, its port, a prefix
        address: String,
        /// Who to sign in as
        #[arg(long)]
        username: Option<String>,
        /// Read the password from stdin
        #[arg(long, requires = "username")]
        password_stdin: bool,
        /// http:// instead of TLS
        #[arg(long)]
        plain_http: bool,
        /// A PEM file with the registry's own certificate authority
        #[arg(long, value_name = "FILE")]
        ca: Option<PathBuf>,
    },
    /// Gives another password for a registry, read from stdin; what is deployed from it stays
    Password {
        /// The registry's name or id
        registry: String,
        /// Who to sign in as; by default as before
        #[arg(long)]
        username: Option<String>,
    },
    /// Forgets a registry, and deletes its password from the secret store; for a day `restore` brings it back
    Remove {
        /// The registry's name or id
        registry: String,
    },
    /// Brings a removed registry back; with its password only while the host that removed it runs, for ten minutes
    Restore {
        /// The registry's name or id, as `list --removed` has it
        registry: String,
    },
    /// Asks a registry whether it lets us in
    Check {
        /// The registry's name or id
        registry: String,
    },
    /// Builds the image of a model version
    #[command(alias = "build")]
    Package {
        /// NAME, NAME@ALIAS, NAME:NUMBER or an id
        version: String,
        /// Return at once; the job goes on in the host
        #[arg(long)]
        detach: bool,
    },
    /// Lists built images
    Packages {
        /// NAME, NAME@ALIAS, NAME:NUMBER or an id; by default those of every version
        version: Option<String>,
    },
    /// Pushes a model version's image, building it first where there is none
    Push {
        /// NAME, NAME@ALIAS, NAME:NUMBER or an id
        version: String,
        /// The registry's name or id
        registry: String,
        /// By default the model's name
        #[arg(long)]
        repository: Option<String>,
        /// By default vNUMBER
        #[arg(long)]
        tag: Option<String>,
        /// Return at once; the job goes on in the host
        #[arg(long)]
        detach: bool,
    },
    /// Writes an image as an OCI layout tar, for `podman load`
    Export {
        /// A package's id, or a model version whose newest package is meant
        package: String,
        /// The file to write
        path: PathBuf,
        /// Replace the file where there is one already
        #[arg(long)]
        force: bool,
    },
}

pub(crate) async fn run(context: &mut Context, command: RegistryCommand) -> Outcome {
    match command {
        RegistryCommand::List { removed: true } => {
            context.output.show(&context.call(ListRemovedRegistries {}).await?, |list| {
                let row = |removed: &RemovedRegistry| {
                    let RemovedRegistry { registry, removed_ms } = removed;
                    let (name, address) = (registry.name.clone(), registry.address.clone());
                    vec![name, address, words::time(*removed_ms), registry.id.short()]
                };
                table(&["name", "address", "removed", "id"], list.iter().map(row))
            })
        }
        RegistryCommand::List { removed: false } => {
            context.output.show(&context.call(ListRegistries {}).await?, |list| registries(list))
        }
        RegistryCommand::Add { name, address, username, password_stdin, plain_http, ca } => {
            let password = if password_stdin { Some(super::read_secret("Password")?) } else { None };
            let ca_pem = match ca {
                Some(path) => Some(read(&path)?),
                None => None,
            };
            if password.is_some() {
                // The keychain may ask its person first.
                context.lasting().await?;
            }
            let registry = context.call(AddRegistry { name, address, username, password, plain_http, ca_pem }).await?;
            context.output.show(&registry, |registry| registries(std::slice::from_ref(registry)))
        }
        RegistryCommand::Password { registry, username } => {
            let registry = context.registry(&registry).await?;
            let password = super::read_secret("Password")?;
            context.lasting().await?;
            let registry = context.call(SetRegistryPassword { registry, username, password }).await?;
            context.output.show(&registry, |registry| registries(std::slice::from_ref(registry)))
        }
        RegistryCommand::Remove { registry } => {
            let registry_id = context.registry(&registry).await?;
            // Whoever removes it knows its password for a while, and a command would be over at once.
            context.staying().await?;
            context.call(RemoveRegistry { registry: registry_id }).await?;
            let back = words::shell(&registry);
            context.output.show(&(), |()| {
                format!("{registry} is forgotten, and its password deleted.\nBack: slipway registry restore {back}")
            })
        }
        RegistryCommand::Restore { registry } => {
            let registry = context.removed_registry(&registry).await?;
            let registry = context.call(RestoreRegistry { registry }).await?;
            context.output.show(&registry, |registry| registries(std::slice::from_ref(registry)))
        }
        RegistryCommand::Check { registry } => {
            context.lasting().await?;
            let check = context.call(CheckRegistry { registry: context.registry(&registry).await? }).await?;
            context.output.show(&check, |check: &RegistryCheck| check.message.clone())?;
            super::passed(check.ok, &check.message, check.hint)
        }
        RegistryCommand::Package { version, detach } => {
            context.lasting().await?;
            let version = context.version(&version).await?;
            let job = context.call(BuildPackage { version }).await?;
            let job = context.follow_unless(detach, job).await?;
            if detach {
                return context.output.show(&job, |_| String::new());
            }
            let packages = context.call(ListPackages { version: Some(version) }).await?;
            context.output.show(&packages, |list| packaged(list))
        }
        RegistryCommand::Packages { version } => {
            let version = match &version {
                Some(named) => Some(context.version(named).await?),
                None => None,
            };
            context.output.show(&context.call(ListPackages { version }).await?, |list| packaged(list))
        }
        RegistryCommand::Push { version, registry, repository, tag, detach } => {
            context.lasting().await?;
            let (version, registry) = (context.version(&version).await?, context.registry(&registry).await?);
            let job = context.call(PushPackage { version, registry, repository, tag }).await?;
            let job = context.follow_unless(detach, job).await?;
            context.output.show(&job, |job| job.message.clone())
        }
        RegistryCommand::Export { package, path, force } => {
            context.lasting().await?;
            let (package, path) = (context.package(&package).await?, absolute(&path)?);
            let job = context.call(ExportPackage { package, path: path.clone(), overwrite: force }).await?;
            let job = context.follow_here(job).await?;
            context.output.show(&job, |_| format!("The image is in {path}."))
        }
    }
}

fn read(path: &std::path::Path) -> Outcome<String> {
    std::fs::read_to_string(path).map_err(|error| ApiError::invalid(format!("Can't read {}: {error}.", path.display())))
}

fn registries(list: &[Registry]) -> String {
    let row = |registry: &Registry| {
        let security = match (registry.plain_http, &registry.ca_pem) {
            (true, _) => "plain HTTP",
            (false, Some(_)) => "TLS, own CA",
            (false, None) => "TLS",
        };
        let user = registry.username.clone().unwrap_or_default();
        vec![registry.name.clone(), registry.address.clone(), security.to_owned(), user, registry.credentials.clone()]
    };
    table(&["name", "address", "security", "user", "credentials"], list.iter().map(row))
}

fn packaged(list: &[Package]) -> String {
    let row = |package: &Package| {
        let pushes = package
            .pushes
            .iter()
            .map(|push| format!("{}:{}", push.repository, push.tag))
            .collect::<Vec<_>>()
            .join(", ");
        let (size, made) = (words::bytes(package.size_bytes), words::time(package.created_ms));
        vec![package.id.short(), package.platform.clone(), size, made, package.digest.clone(), pushes]
    };
    table(&["package", "platform", ">size", "built", "digest", "pushed to"], list.iter().map(row))
}
