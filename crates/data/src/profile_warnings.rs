//! What a person should know before training on a table, each as a sentence with what to do.

use api::{
    config::ColumnType,
    dataset::{ColumnProfile, ProfileWarning, Role, WarningKind},
    evaluation::Task,
    figure::counted,
};

/// From here on a column alone tells the target: an AUC above 0.99.
const LEAKAGE: f64 = 0.98;
const MANY_MISSING: f64 = 0.5;
const ID_ROWS: u64 = 50;
const ID_SHARE: f64 = 0.99;
const RARE_SHARE: f64 = 0.01;
const RARE_ROWS: u64 = 10;

/// The warnings of a profile, by column in the table's order.
pub(crate) fn find(
    columns: &[ColumnProfile],
    rows: u64,
    duplicate_rows: Option<u64>,
    task: Option<Task>,
) -> Vec<ProfileWarning> {
    let mut warnings = Vec::new();
    for column in columns.iter().filter(|column| column.role != Role::Ignored) {
        let mut warn =
            |kind, message| warnings.push(ProfileWarning { column: Some(column.name.clone()), kind, message });
        let name = &column.name;
        if column.count == 0 {
            warn(WarningKind::AllMissing, format!("\"{name}\" is missing in every row. Ignore it."));
            continue;
        }
        if column.distinct == 1 && column.missing == 0 {
            warn(WarningKind::Constant, format!("\"{name}\" has the same value in every row. Ignore it."));
        }
        let missing = column.missing as f64 / rows as f64;
        if missing > MANY_MISSING {
            let percent = percent(missing);
            warn(
                WarningKind::ManyMissing,
                format!("\"{name}\" is missing in {percent} of the rows. Check its source, or ignore it."),
            );
        }
        match column.role {
            Role::Feature => feature(column, &mut warn),
            Role::Target if task.is_some_and(|task| task != Task::Regression) => classes(column, &mut warn),
            _ => {}
        }
    }
    if let Some(duplicates) = duplicate_rows.filter(|duplicates| *duplicates > 0) {
        let share = percent(duplicates as f64 / rows as f64);
        warnings.push(ProfileWarning {
            column: None,
            kind: WarningKind::Other,
            message: format!(
                "{} equal to an earlier one ({share}). A split keeps equal rows together.",
                counted(duplicates, "row is", "rows are")
            ),
        });
    }
    warnings
}

fn feature(column: &ColumnProfile, warn: &mut impl FnMut(WarningKind, String)) {
    let name = &column.name;
    if let Some(association) = column.target_association.filter(|association| *association > LEAKAGE) {
        warn(
            WarningKind::Leakage,
            format!(
                "\"{name}\" alone predicts the target (association {association:.3}). If it is only known after the fact, ignore it."
            ),
        );
    }
    let unique = column.count >= ID_ROWS && column.distinct as f64 >= column.count as f64 * ID_SHARE;
    if unique && matches!(column.kind, ColumnType::Integer | ColumnType::Category | ColumnType::Text) {
        warn(
            WarningKind::LooksLikeId,
            format!("\"{name}\" has its own value in nearly every row, as an id has. Ignore it if it is one."),
        );
    }
}

fn classes(column: &ColumnProfile, warn: &mut impl FnMut(WarningKind, String)) {
    let name = &column.name;
    for class in &column.top {
        let share = class.count as f64 / column.count as f64;
        if class.count < RARE_ROWS {
            let rows = if class.count == 1 { "1 row".to_owned() } else { format!("{} rows", class.count) };
            warn(
                WarningKind::RareClass,
                format!(
                    "Only {rows} of \"{name}\" are \"{}\": too few to learn from and to test on. Add some.",
                    class.value
                ),
            );
        } else if share < RARE_SHARE {
            let (value, share) = (&class.value, percent(share));
            warn(
                WarningKind::RareClass,
                format!(
                    "Only {share} of \"{name}\" are \"{value}\". Judge by average precision and recall, not by accuracy."
                ),
            );
        }
    }
}

/// `0.48 %`, `12 %`.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 10.0 { format!("{percent:.0} %") } else { format!("{percent:.2} %") }
}
