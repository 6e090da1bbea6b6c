//! The keys of `slipway.toml` that the dialog shows, with their words. What they are now and by default is read from
//! the file's own types; whether a value makes sense is the engine's to say.

use std::collections::BTreeMap;

use api::config::ProjectFile;
use serde_json::Value;

pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) fields: &'static [Field],
    /// What few change, behind "More".
    pub(super) more: &'static [Field],
}

impl Group {
    pub(super) const DATA: &'static str = "Data";
    pub(super) const DRIFT: &'static str = "Watching";
    pub(super) const SEARCH: &'static str = "Search";
}

pub(super) fn all() -> impl Iterator<Item = &'static Field> {
    GROUPS.iter().flat_map(|group| group.fields.iter().chain(group.more))
}

pub(super) struct Field {
    /// Dotted, as in the file.
    pub(super) key: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
    pub(super) kind: Kind,
    /// What an empty field stands for, where the file has no default value.
    pub(super) empty: &'static str,
}

pub(super) enum Kind {
    Whole,
    Decimal,
    Text,
    /// Whole numbers, separated by commas.
    Wholes,
    /// A program and its arguments, as a shell has them.
    Command,
    /// Yes or no.
    Flag,
    /// The name of a registry of this workspace.
    Registry,
    /// `(value in the file, label)`.
    Choice(&'static [(&'static str, &'static str)]),
}

const fn field(key: &'static str, label: &'static str, hint: &'static str, kind: Kind, empty: &'static str) -> Field {
    Field { key, label, hint, kind, empty }
}

const METHODS: Kind = Kind::Choice(&[
    ("auto", "By time, group or class, as the data say"),
    ("random", "Random"),
    ("stratified", "Stratified by class"),
    ("time", "By time"),
    ("group", "By group"),
]);
const MODELS: Kind = Kind::Choice(&[
    ("default", "Trees for tables, a small CNN for images"),
    ("trees", "Gradient-boosted trees"),
    ("linear", "Linear or logistic"),
    ("mlp", "MLP"),
    ("cnn", "Small CNN"),
]);
const DEVICES: Kind = Kind::Choice(&[
    ("auto", "Automatic"),
    ("cpu", "CPU"),
    ("cuda", "CUDA"),
    ("metal", "Metal"),
    ("wgpu", "Any GPU (wgpu, trees only)"),
]);
const OPTIMIZERS: Kind = Kind::Choice(&[("adamw", "AdamW"), ("sgd", "SGD with momentum")]);
const THRESHOLDS: Kind = Kind::Choice(&[("f1", "Best F1"), ("cost", "Least cost")]);

const SEARCHES: Kind = Kind::Choice(&[
    ("tpe", "TPE, near what went well"),
    ("random", "Random"),
    ("grid", "Grid, every combination once"),
]);
const STOPPING: Kind = Kind::Choice(&[("none", "None"), ("asha", "ASHA")]);
const GOALS: Kind = Kind::Choice(&[("", "Not said"), ("min", "Less"), ("max", "More")]);

const RAGGED: Kind = Kind::Choice(&[
    ("error", "Stop and say which line"),
    ("skip", "Leave such lines out"),
    ("fill", "Fill short ones, cut long ones"),
]);

pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "Project",
        fields: &[
            field("name", "Name", "", Kind::Text, "the folder's name"),
            field("description", "Description", "A sentence.", Kind::Text, "none"),
        ],
        more: &[],
    },
    Group {
        title: Group::DATA,
        fields: &[
            field("data.ragged", "Lines of another width than the header's", "", RAGGED, ""),
            field("data.delimiter", "Delimiter", "One character, or \"tab\".", Kind::Text, "as found"),
            field("data.encoding", "Encoding", "Such as utf-8 or windows-1252.", Kind::Text, "as found"),
            field(
                "data.reference",
                "Keep hashes instead of copies",
                "From the next snapshot on; the files must then stay where and as they are.",
                Kind::Flag,
                "",
            ),
        ],
        more: &[],
    },
    Group {
        title: "Split",
        fields: &[
            field("split.method", "How rows are split", "Later runs inherit a split while these stay.", METHODS, ""),
            field("split.seed", "Seed", "", Kind::Whole, ""),
            field("split.validation", "Validation share", "What is chosen is chosen on it.", Kind::Decimal, ""),
            field("split.test", "Test share", "Touched once, for the report.", Kind::Decimal, ""),
        ],
        more: &[],
    },
    Group {
        title: "Training",
        fields: &[
            field("training.model", "Model", "", MODELS, ""),
            field("training.device", "Device", "", DEVICES, ""),
            field("training.rounds", "Rounds of trees at most", "", Kind::Whole, "chosen by the model"),
            field("training.epochs", "Epochs of networks at most", "", Kind::Whole, "chosen by the model"),
            field("training.learning_rate", "Learning rate", "", Kind::Decimal, "chosen by the model"),
            field("training.patience", "Patience", "0 never ends early.", Kind::Whole, "chosen by the model"),
        ],
        more: &[
            field("training.seed", "Seed", "", Kind::Whole, ""),
            field("training.threads", "Threads", "0 takes all cores.", Kind::Whole, ""),
            field("training.max_depth", "Max depth of a tree", "", Kind::Whole, "chosen by the model"),
            field("training.l2", "L2 of trees", "", Kind::Decimal, "chosen by the model"),
            field(
                "training.hidden",
                "Hidden layers of an MLP",
                "Such as 128, 64.",
                Kind::Wholes,
                "chosen by the model",
            ),
            field("training.dropout", "Dropout", "", Kind::Decimal, "chosen by the model"),
            field("training.optimizer", "Optimiser of networks", "", OPTIMIZERS, ""),
            field("training.weight_decay", "Weight decay", "", Kind::Decimal, "chosen by the model"),
            field("training.batch_size", "Batch size", "", Kind::Whole, "by rows"),
            field(
                "training.balance",
                "Rare classes are preferred",
                "Networks weigh them up; of three and more classes they are also called more readily, by what validation says.",
                Kind::Flag,
                "",
            ),
        ],
    },
    Group {
        title: "Budget of a run",
        fields: &[
            field(
                "budget.max_cost",
                "Cost at most",
                "By the prices in Settings; a run that reaches it is stopped.",
                Kind::Decimal,
                "no limit",
            ),
            field("budget.max_hours", "Hours at most", "In which its process lives.", Kind::Decimal, "no limit"),
            field(
                "budget.max_kwh",
                "Kilowatt-hours at most",
                "Of GPUs that tell their energy.",
                Kind::Decimal,
                "no limit",
            ),
        ],
        more: &[],
    },
    Group {
        title: Group::SEARCH,
        fields: &[
            field("search.method", "Method", "What a new search starts with.", SEARCHES, ""),
            field("search.early_stopping", "Early stopping", "Of trials that are not among the best.", STOPPING, ""),
            field("search.trials", "Trials at most", "", Kind::Whole, ""),
            field("search.parallel", "Trials at once", "As far as memory allows.", Kind::Whole, ""),
            field(
                "search.metric",
                "Judged by",
                "A series, such as loss/validation.",
                Kind::Text,
                "what ranks the project's runs",
            ),
            field("search.goal", "Better is", "Needed where a series is named.", GOALS, "not said"),
        ],
        more: &[
            field(
                "search.command",
                "Program",
                "With ${name} where a value is to stand.",
                Kind::Command,
                "trainings are searched",
            ),
            field("search.gpus", "GPUs of each trial", "Of a program; 0 is all.", Kind::Whole, ""),
            field("search.seed", "Seed", "", Kind::Whole, "each search draws its own"),
            field("search.min_steps", "Steps before a stop", "Of early stopping.", Kind::Whole, ""),
            field("search.reduction", "One of … goes on", "At each comparison of early stopping.", Kind::Whole, ""),
            field("search.budget.max_cost", "Cost at most", "Of all trials together.", Kind::Decimal, "no limit"),
            field("search.budget.max_hours", "Hours at most", "Of all trials together.", Kind::Decimal, "no limit"),
            field(
                "search.budget.max_kwh",
                "Kilowatt-hours at most",
                "Of all trials together.",
                Kind::Decimal,
                "no limit",
            ),
        ],
    },
    Group {
        title: "Evaluation",
        fields: &[
            field(
                "data.positive",
                "Positive class",
                "Of a target with two values: probabilities, F1, precision and recall are of it.",
                Kind::Text,
                "chosen by its values",
            ),
            field(
                "evaluation.metric",
                "Runs are ranked by",
                "Such as average_precision.",
                Kind::Text,
                "the task's own",
            ),
            field("evaluation.threshold", "Threshold of a class", "Chosen on validation.", THRESHOLDS, ""),
            field(
                "evaluation.cost_false_negative",
                "Cost of a missed positive",
                "Where cost decides.",
                Kind::Decimal,
                "",
            ),
            field("evaluation.cost_false_positive", "Cost of a false alarm", "Where cost decides.", Kind::Decimal, ""),
        ],
        more: &[field("evaluation.bootstrap", "Resamples behind the 95 % intervals", "", Kind::Whole, "")],
    },
    Group {
        title: "Packaging",
        fields: &[
            field("packaging.registry", "Registry", "Images are pushed there.", Kind::Registry, "asked at Deploy"),
            field("packaging.repository", "Repository", "", Kind::Text, "the project's name"),
        ],
        more: &[],
    },
    Group {
        title: Group::DRIFT,
        fields: &[
            field("monitoring.window", "Window", "\"1 day\", \"6 hours\", \"1000 rows\".", Kind::Text, ""),
            field("monitoring.min_rows", "Rows a window by time needs", "", Kind::Whole, ""),
            field("monitoring.raise_after", "Drifted windows before an alert", "", Kind::Whole, ""),
            field("monitoring.clear_after", "Quiet windows before it is cleared", "", Kind::Whole, ""),
            field("monitoring.log_share", "Share of requests logged", "0 to 1.", Kind::Decimal, ""),
            field(
                "monitoring.log_days",
                "Days they are kept",
                "With 0, what no window has taken by the next look is gone.",
                Kind::Whole,
                "",
            ),
            field(
                "monitoring.drift_share",
                "Share of drifted columns",
                "From which the data drifted.",
                Kind::Decimal,
                "",
            ),
        ],
        more: &[],
    },
];

/// Every field's text, as the file has it.
pub(super) fn texts(file: &ProjectFile) -> BTreeMap<&'static str, String> {
    let file = serde_json::to_value(file).unwrap_or_default();
    let text = |field: &Field| match field.key.split('.').try_fold(&file, |value, part| value.get(part)) {
        Some(Value::String(text)) if text == "\t" => "tab".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string().trim_end_matches(".0").to_owned(),
        Some(Value::Bool(flag)) => flag.to_string(),
        Some(Value::Array(all)) if matches!(field.kind, Kind::Command) => {
            shlex::try_join(all.iter().filter_map(Value::as_str)).unwrap_or_default()
        }
        Some(Value::Array(all)) => all.iter().map(Value::to_string).collect::<Vec<_>>().join(", "),
        _ => String::new(),
    };
    all().map(|field| (field.key, text(field))).collect()
}

/// Whether the field is seen without opening "More".
pub(super) fn is_seen(key: &str) -> bool {
    GROUPS.iter().flat_map(|group| group.fields).any(|field| field.key == key)
}

/// What is written for a text; an empty one takes the key out of the file.
pub(super) fn value(field: &Field, text: &str) -> Result<Value, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Value::Null);
    }
    match field.kind {
        Kind::Whole => text.parse::<u64>().map(Value::from).map_err(|_| "Give a whole number from 0.".to_owned()),
        Kind::Decimal => {
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
            number.map(Value::from).ok_or_else(|| "Give a number from 0, such as 0.2.".to_owned())
        }
        Kind::Wholes => {
            let numbers = text.split([',', ' ']).filter(|number| !number.is_empty()).map(str::parse::<u64>);
            let numbers: Result<Vec<u64>, _> = numbers.collect();
            numbers.map(Value::from).map_err(|_| "Give whole numbers, such as 128, 64.".to_owned())
        }
        Kind::Command => {
            let words = shlex::split(text).filter(|words| !words.is_empty());
            words.map(Value::from).ok_or_else(|| "Its quotation marks don't match.".to_owned())
        }
        Kind::Flag => Ok(Value::from(text == "true")),
        Kind::Text | Kind::Registry | Kind::Choice(_) => Ok(Value::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_a_key_of_the_file_and_its_default_can_be_written_back() {
        let texts = texts(&ProjectFile::default());
        let file = serde_json::to_value(ProjectFile::default()).unwrap();
        for field in all() {
            let known = field.key.split('.').try_fold(&file, |value, part| value.get(part));
            assert!(known.is_some(), "{} is no key", field.key);
            assert!(value(field, &texts[field.key]).is_ok(), "{}", field.key);
            assert!(!texts[field.key].is_empty() || !field.empty.is_empty(), "{} says nothing when empty", field.key);
            if let Kind::Choice(options) = field.kind {
                assert!(options.iter().any(|(key, _)| *key == texts[field.key]), "{} lacks its default", field.key);
            }
        }
    }

    #[test]
    fn what_is_no_number_is_said() {
        let whole = all().find(|field| field.key == "split.seed").unwrap();
        assert_eq!(value(whole, " 7 "), Ok(Value::from(7)));
        assert_eq!(value(whole, ""), Ok(Value::Null));
        assert!(value(whole, "-1").is_err() && value(whole, "many").is_err());
        let widths = all().find(|field| matches!(field.kind, Kind::Wholes)).unwrap();
        assert_eq!(value(widths, "128, 64"), Ok(Value::from(vec![128, 64])));
        assert!(value(widths, "128, wide").is_err());
    }

    #[test]
    fn what_a_search_starts_with_is_shown_and_written_as_the_file_has_it() {
        let mut file = ProjectFile::default();
        file.search.command = Some(["python", "my train.py", "--lr=${lr}"].map(str::to_owned).to_vec());
        file.search.goal = Some(api::search::Direction::Max);
        file.search.budget.max_hours = Some(1.5);
        let texts = texts(&file);
        assert_eq!((&*texts["search.goal"], &*texts["search.budget.max_hours"]), ("max", "1.5"));
        let field = |key: &str| all().find(|field| field.key == key).unwrap();
        let words = value(field("search.command"), &texts["search.command"]);
        assert_eq!(words, Ok(Value::from(vec!["python", "my train.py", "--lr=${lr}"])));
        assert!(value(field("search.command"), "python 'train.py").is_err());
        assert_eq!(value(field("search.goal"), ""), Ok(Value::Null));
    }
}
