//! `slipway run views`: how the run table is looked at, under a name; the window has the same views.

use api::{
    ApiError,
    run_table::{parts, unquoted},
    table_view::{TableView, field, sort_of},
    tracking::{DeleteView, DeletedView, ListDeletedViews, ListViews, RestoreView, SaveView, SavedView, Scope},
};
use clap::{Args, Subcommand};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{
    context::{Context, Outcome},
    output::{self, table},
    words,
};

#[derive(Debug, Subcommand)]
pub(crate) enum ViewsCommand {
    /// Lists the saved views
    List {
        #[command(flatten)]
        whose: Whose,
        /// Those that were deleted or replaced within a day, instead of those that are there
        #[arg(long)]
        deleted: bool,
        /// Print CSV
        #[arg(long)]
        csv: bool,
    },
    /// Saves a view; one of the same name is replaced, and can be restored
    Save {
        /// What to call it
        name: String,
        #[command(flatten)]
        seen: Seen,
        #[command(flatten)]
        whose: Whose,
    },
    /// Deletes a view, so that it can be restored for a day; the runs stay
    Delete {
        /// The view's name
        name: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// Restores the view of this name that was deleted or replaced last; one that has the name now is kept in its stead
    Restore {
        /// The view's name
        name: String,
        #[command(flatten)]
        whose: Whose,
    },
}

/// Whose runs are meant; by default the project's.
#[derive(Debug, Args)]
pub(crate) struct Whose {
    /// For the runs of this experiment, by name or number, instead of the project's
    #[arg(long, value_name = "EXPERIMENT")]
    experiment: Option<String>,
    /// For the runs of every experiment
    #[arg(long, conflicts_with = "experiment")]
    everywhere: bool,
}

impl Whose {
    pub(super) async fn scope(&self, context: &Context) -> Outcome<Scope> {
        scope(context, self.experiment.as_deref(), self.everywhere).await
    }

    /// The command that opens a view of these, whole: a view is of the runs that it was saved for.
    fn opened_by(&self, view: &str) -> String {
        format!("`slipway run list{} --view {}` opens it.", self.option(), words::shell(view))
    }

    /// What says on a command line whose runs are meant.
    fn option(&self) -> String {
        match &self.experiment {
            _ if self.everywhere => " --everywhere".to_owned(),
            Some(experiment) => format!(" --experiment {}", words::shell(experiment)),
            None => String::new(),
        }
    }

    /// Whether anything is said.
    pub(super) const fn is_said(&self) -> bool {
        self.everywhere || self.experiment.is_some()
    }
}

/// What a view shows.
#[derive(Debug, Default, Args)]
pub(crate) struct Seen {
    /// All that an address of the window's table says, down to pins, order of groups and chart, or the query of a view, as
    /// `list --json` has it; what else is given here stands before that
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// As in `run list`
    #[arg(long, default_value = "")]
    filter: String,
    /// As in `run list`
    #[arg(long)]
    sort: Option<String>,
    /// From the highest value down
    #[arg(long, short)]
    descending: bool,
    /// Group by these, by commas, as in `run list`
    #[arg(long, value_name = "FIELDS")]
    group_by: Option<String>,
    /// The columns to show, by commas: `metric.KEY`, `param.KEY`, `tag.KEY`, `created` …
    #[arg(long)]
    columns: Option<String>,
    /// Runs that were deleted, instead of those that are there
    #[arg(long)]
    deleted: bool,
}

impl Seen {
    fn view(self) -> TableView {
        let mut view = TableView::read(query(self.address.as_deref().unwrap_or_default()), decode);
        if !self.filter.is_empty() {
            view.filter = self.filter;
        }
        if let Some(sort) = self.sort {
            let mut orders = orders(&sort, self.descending).into_iter();
            view.order = orders.next();
            view.further = orders.collect();
        }
        if let Some(by) = self.group_by {
            // Other groups may lack what those were sorted by.
            view.group_order = None;
            view.group_further.clear();
            view.group = names(&by);
        }
        if let Some(columns) = self.columns {
            view.columns = Some(names(&columns));
        }
        view.deleted |= self.deleted;
        view
    }
}

/// What an address says of the table: all of it where it is no more than that.
fn query(address: &str) -> &str {
    let is_whole = address.contains("://") || address.starts_with('/');
    let query = match address.split_once('?') {
        Some((_, query)) => query,
        None if is_whole => "",
        None => address,
    };
    query.split('#').next().unwrap_or_default()
}

/// What needs no project.
const OTHERS: &str =
    "--everywhere means all runs, and --experiment NAME an experiment's (`slipway experiment list` names them)";

/// Whose runs are meant: all, an experiment's where one is named, else the project's.
pub(super) async fn scope(context: &Context, experiment: Option<&str>, everywhere: bool) -> Outcome<Scope> {
    match experiment {
        _ if everywhere => Ok(Scope::All),
        Some(named) => Ok(Scope::Experiment(context.experiment(named, false).await?.id)),
        None => Ok(Scope::Project(context.project_of_runs(OTHERS).await?)),
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// A saved view by its name.
pub(super) async fn named(context: &Context, of: Scope, name: &str) -> Outcome<TableView> {
    let views = context.call(ListViews { of }).await?;
    match views.iter().find(|view| view.name == name) {
        Some(view) => Ok(TableView::read(&view.query, decode)),
        None => Err(missing(name, &views)),
    }
}

fn missing(name: &str, views: &[SavedView]) -> ApiError {
    let known: Vec<&str> = views.iter().map(|view| view.name.as_str()).take(8).collect();
    let known = if known.is_empty() {
        "No view is saved here.".to_owned()
    } else {
        format!("There are: {}.", known.join(", "))
    };
    ApiError::not_found(format!("There is no view \"{name}\".")).with_hint(known)
}

/// Columns as an address names them: without the quotes that a filter needs.
pub(super) fn names(text: &str) -> Vec<String> {
    let plain = |part: &str| match part.split_once('.') {
        Some((kind, key)) if ["metric", "param", "tag"].contains(&kind) => format!("{kind}.{}", unquoted(key)),
        _ => part.to_owned(),
    };
    parts(text).into_iter().map(plain).collect()
}

/// The orders that `--sort` says.
pub(super) fn orders(sort: &str, descending: bool) -> Vec<(String, bool)> {
    let order = |part: &str| match part.rsplit_once(' ') {
        Some((key, way)) if way.eq_ignore_ascii_case("desc") => (key.trim().to_owned(), true),
        Some((key, way)) if way.eq_ignore_ascii_case("asc") => (key.trim().to_owned(), false),
        _ => (part.to_owned(), descending),
    };
    parts(sort).into_iter().map(order).collect()
}

pub(super) async fn run(context: &Context, command: ViewsCommand) -> Outcome {
    match command {
        ViewsCommand::List { whose, deleted: true, csv } => {
            let of = whose.scope(context).await?;
            let views = context.call(ListDeletedViews { of }).await?;
            if csv {
                let deleted = |view: &DeletedView| words::exact_time(view.deleted_ms);
                let row = |view: &DeletedView| [row(&view.view), vec![deleted(view)]].concat();
                return output::pass_csv(&[&WRITTEN[..], &["deleted"]].concat(), views.iter().map(row));
            }
            context.output.show(&views, |views| listed_deleted(views))
        }
        ViewsCommand::List { whose, deleted: false, csv } => {
            let of = whose.scope(context).await?;
            let views = context.call(ListViews { of }).await?;
            match csv {
                true => output::pass_csv(&WRITTEN, views.iter().map(row)),
                false => context.output.show(&views, |views| listed(views)),
            }
        }
        ViewsCommand::Save { name, seen, whose } => {
            let of = whose.scope(context).await?;
            let view = seen.view();
            if view == TableView::default() {
                return Err(ApiError::invalid("The view would show what is shown anyway.").with_hint(
                    "Say what it is: --filter, --sort, --group-by, --columns, --deleted, or an --address that says it.",
                ));
            }
            let view = SavedView { name: name.clone(), query: view.address(encode) };
            let views = context.call(SaveView { of, view }).await?;
            context.output.show(&views, |_| format!("{} is saved: {}", name.trim(), whose.opened_by(name.trim())))
        }
        ViewsCommand::Delete { name, whose } => {
            let of = whose.scope(context).await?;
            let views = context.call(ListViews { of }).await?;
            if !views.iter().any(|view| view.name == name) {
                return Err(missing(&name, &views));
            }
            let views = context.call(DeleteView { of, name: name.clone() }).await?;
            let again = format!("slipway run views restore{} {}", whose.option(), words::shell(&name));
            context.output.show(&views, |_| format!("{name} is deleted; the runs stay. `{again}` brings it back."))
        }
        ViewsCommand::Restore { name, whose } => {
            let of = whose.scope(context).await?;
            let views = context.call(RestoreView { of, name: name.clone() }).await?;
            context.output.show(&views, |_| format!("{name} is restored: {}", whose.opened_by(&name)))
        }
    }
}

/// What a list for programs is headed by.
const WRITTEN: [&str; 5] = ["view", "filter", "sorted_by", "grouped_by", "columns"];

fn listed(views: &[SavedView]) -> String {
    table(&["view", "filter", "sorted by", "grouped by", "columns"], views.iter().map(row))
}

fn listed_deleted(views: &[DeletedView]) -> String {
    let row = |deleted: &DeletedView| {
        let mut cells = row(&deleted.view);
        cells.push(words::time(deleted.deleted_ms));
        cells
    };
    table(&["view", "filter", "sorted by", "grouped by", "columns", "deleted"], views.iter().map(row))
}

fn row(view: &SavedView) -> Vec<String> {
    let shown = TableView::read(&view.query, decode);
    let (sort, descending) = sort_of(shown.order.as_ref(), &shown.further);
    let sort = sort.map(|sort| if descending { format!("{sort} desc") } else { sort }).unwrap_or_default();
    let fields = |names: &[String]| names.iter().map(|name| field(name)).collect::<Vec<_>>().join(", ");
    let columns = shown.columns.as_deref().map(fields).unwrap_or_default();
    vec![view.name.clone(), shown.filter, sort, fields(&shown.group), columns]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_what_the_window_opens() {
        assert_eq!(names("param.\"a, b\",created,metric.loss/train"), ["param.a, b", "created", "metric.loss/train"]);
        let order = |key: &str, descending| (key.to_owned(), descending);
        assert_eq!(orders("metric.f1 desc, created", true), [order("metric.f1", true), order("created", true)]);
        assert_eq!(orders("metric.\"a b\" ASC", true), [order("metric.\"a b\"", false)]);
        let view = TableView {
            filter: "a = \"50 % & more\"".to_owned(),
            order: Some(order("metric.f1", true)),
            columns: Some(names("param.\"a, b\"")),
            ..TableView::default()
        };
        assert_eq!(TableView::read(&view.address(encode), decode), view);
    }

    #[test]
    fn the_command_that_opens_a_view_is_whole() {
        let whose =
            |experiment: Option<&str>, everywhere| Whose { experiment: experiment.map(str::to_owned), everywhere };
        assert_eq!(whose(None, false).opened_by("weekly"), "`slipway run list --view weekly` opens it.");
        let named = whose(Some("wine"), false).opened_by("low loss");
        assert_eq!(named, "`slipway run list --experiment wine --view 'low loss'` opens it.");
        assert_eq!(whose(None, true).opened_by("weekly"), "`slipway run list --everywhere --view weekly` opens it.");
    }

    #[test]
    fn an_address_of_the_window_is_a_view_and_options_stand_before_it() {
        let table = "filter=a%20%3D%201&sort=metric.f1&group=param.lr&groupsort=metric.f1&pinned=metric.f1\
                     &widths=120~metric.f1&flat=1&view=scatter&x=param.lr";
        let saved = |address: &str| Seen { address: Some(address.to_owned()), ..Seen::default() };
        let view = saved(&format!("http://127.0.0.1:4000/p/1/runs?{table}#top")).view();
        assert_eq!((view.filter.as_str(), view.plotted.view.as_str(), view.flat), ("a = 1", "scatter", true));
        assert_eq!((view.pinned.as_slice(), view.widths["metric.f1"]), (&["metric.f1".to_owned()][..], 120.0));
        assert_eq!(view.group_order, Some(("metric.f1".to_owned(), true)));
        for same in [format!("/p/1/runs?{table}"), format!("?{table}"), table.to_owned()] {
            assert_eq!(saved(&same).view(), view, "{same}");
        }
        let other = Seen { filter: "b".to_owned(), group_by: Some("state".to_owned()), ..saved(table) }.view();
        assert_eq!((other.filter.as_str(), &other.group, &other.group_order), ("b", &vec!["state".to_owned()], &None));
        assert_eq!((other.order, other.plotted), (view.order, view.plotted));
        for nothing in ["http://127.0.0.1:4000/p/1/runs", "/p/1/runs", ""] {
            assert_eq!(saved(nothing).view(), TableView::default(), "{nothing}");
        }
    }
}
