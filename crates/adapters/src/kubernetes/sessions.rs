//! Sign-ins that are kept: a kubeconfig's program may take seconds, and a deployment is looked at all the time.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use engine::ports::Result;

use crate::kubernetes::access::{self, Places, Session};

type Stamp = Vec<(PathBuf, Option<(u64, SystemTime)>)>;

/// One cluster's place: whoever comes while somebody signs in waits for that.
type Place = Arc<tokio::sync::Mutex<Option<(Stamp, Arc<Session>)>>>;

/// The sessions of a process, by kubeconfig and context.
#[derive(Default)]
pub(crate) struct Sessions {
    known: Mutex<HashMap<(Option<String>, String), Place>>,
}

impl Sessions {
    /// The session that is known, unless its kubeconfig changed or the cluster refused it.
    pub(crate) async fn get(&self, kubeconfig: Option<&str>, places: &Places, context: &str) -> Result<Arc<Session>> {
        let place = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry((kubeconfig.map(str::to_owned), context.to_owned())).or_default())
        };
        let mut place = place.lock().await;
        // Before it is read: what changes meanwhile is read the next time.
        let stamp = places.stamp();
        if let Some((known, session)) = place.as_ref()
            && *known == stamp
            && !session.is_refused()
        {
            return Ok(Arc::clone(session));
        }
        *place = None;
        let session = Arc::new(access::connect(places, context).await?);
        *place = Some((stamp, Arc::clone(&session)));
        Ok(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outside::Surroundings;

    const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
clusters:
- {name: a, cluster: {server: 'https://127.0.0.1:1'}}
users:
- {name: u, user: {token: t}}
contexts:
- {name: one, context: {cluster: a, user: u}}
";

    #[tokio::test]
    async fn a_session_is_kept_until_its_file_changes_or_it_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, KUBECONFIG).unwrap();
        let places = Places::new(file.to_str(), &Surroundings::default());
        let sessions = Sessions::default();
        let get = async || sessions.get(file.to_str(), &places, "one").await.unwrap();

        let first = get().await;
        assert!(Arc::ptr_eq(&first, &get().await));

        let status = serde_json::json!({ "status": "Failure", "message": "", "reason": "Unauthorized", "code": 401 });
        let status: kube::core::Status = serde_json::from_value(status).unwrap();
        first.note(&kube::Error::Api(Box::new(status)));
        let second = get().await;
        assert!(!Arc::ptr_eq(&first, &second), "it was refused");

        std::fs::write(&file, format!("{KUBECONFIG}# changed\n")).unwrap();
        let third = get().await;
        assert!(!Arc::ptr_eq(&second, &third), "its file changed");

        std::fs::remove_file(&file).unwrap();
        assert!(sessions.get(file.to_str(), &places, "one").await.is_err(), "what is gone is not signed in with");
    }
}
