//! Lists, and a run, as CSV.

use serde_json::json;

use crate::{
    program::{Place, said},
    tracking::Client,
};

#[test]
fn lists_and_a_run_are_written_for_other_programs() {
    let place = Place::new();
    let client = Client::of(&place);
    let id = client.run(&json!(0), "a, b", "0.1", 4.0);
    client.post("registered-models/create", &json!({ "name": "churn" }));
    client.post("model-versions/create", &json!({ "name": "churn", "source": "s3://bucket/churn" }));
    place.json(&["experiment", "create", "mine", "--folder", "vision"]);
    let csv = |arguments: &[&str]| {
        let output = place.run(&[arguments, &["--csv"]].concat());
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let run = csv(&["run", "show", &id]);
    assert!(run.starts_with("part,key,value,min,max,points,step,time\r\nrun,id,"), "{run}");
    for line in [
        "run,name,\"a, b\",,,,,",
        "run,started,2023-11-14T22:13:20Z,,,,,",
        "params,lr,0.1,,,,,",
        "metrics,loss,1.0,1.0,4.0,4,3,2023-11-14T22:13:24Z",
    ] {
        assert!(run.lines().any(|own| own == line), "{line}: {run}");
    }
    let found = csv(&["run", "find", "a,"]);
    assert!(
        found.starts_with("id,name,experiment,state,created\r\n") && found.contains(",\"a, b\",Default,"),
        "{found}"
    );
    let all = csv(&["run", "list", "--everywhere"]);
    let at = all.lines().next().unwrap().split(',').position(|name| name == "experiment").unwrap();
    let row = all.lines().nth(1).unwrap().replace("\"a, b\"", "ab");
    assert_eq!(row.split(',').nth(at), Some("Default"), "{all}");
    let experiments = csv(&["experiment", "list"]);
    assert!(experiments.starts_with("number,name,folder,project,runs,created,changed,deleted,"), "{experiments}");
    assert!(experiments.contains("\r\n0,Default,,,1,") && experiments.contains(",mine,vision,,0,"), "{experiments}");
    let models = csv(&["model", "list", "--without-project"]);
    assert!(models.starts_with("model,kind,version,aliases,stage,metric,value,run,"), "{models}");
    assert!(models.contains("\r\nchurn,client's,1,,,,,,,") && models.contains(",s3://bucket/churn,"), "{models}");
    for (asked, head) in [
        ("source list", "kind,path,runs,state,not_read,error,added,read"),
        ("source list --deleted", "kind,path,deleted_runs,forgotten"),
        ("run artifacts latest", "file,size_bytes,written"),
        ("run media list latest", "key,kind,count,first_step,last_step"),
        ("run views list --everywhere", "view,filter,sorted_by,grouped_by,columns"),
        ("run views list --everywhere --deleted", "view,filter,sorted_by,grouped_by,columns,deleted"),
        ("model logged list", "id,name,run,experiment,type,status,params,metrics,logged,deleted"),
        ("model list --deleted", "name,what,versions,deleted,frees_bytes,id"),
        ("deploy list", "name,model,target,state,ready,instances,watched,address,id"),
        ("monitor alerts", "alert,state,deployment,raised,sentence"),
    ] {
        let arguments: Vec<&str> =
            asked.split(' ').map(|word| if word == "latest" { id.as_str() } else { word }).collect();
        assert!(csv(&arguments).starts_with(&format!("{head}\r\n")), "{asked}");
    }
}
