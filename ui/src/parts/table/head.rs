//! The head of a table: a press sorts, with Shift among equals of what is sorted already; the right edge is drawn to
//! another width.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use super::{Column, Order, with_left};
use crate::parts::icon::{ARROW_DOWN, ARROW_UP, icon};

/// The least width of a column, in pixels.
const NARROWEST: f64 = 44.0;
/// What an arrow key adds, in pixels.
const STEP: f64 = 8.0;

pub(super) fn cells<T: Send + Sync + 'static>(
    columns: Vec<Column<T>>,
    order: Option<RwSignal<Option<Order>>>,
    further: Option<RwSignal<Vec<Order>>>,
    unsorted: Signal<Option<Order>>,
    on_resize: Option<Callback<(String, Option<f64>)>>,
) -> impl IntoView {
    with_left(columns)
        .map(|(column, left)| view! { <Cell column left order=order further=further unsorted on_resize=on_resize /> })
        .collect_view()
}

/// Whether two heads show the same. What a column shows instead of its title can't be compared: it counts as another.
pub(super) fn is_same<T>(before: &[Column<T>], now: &[Column<T>]) -> bool {
    let is_same = |(one, other): (&Column<T>, &Column<T>)| {
        let looks = |column: &Column<T>| (column.width, column.grows, column.is_number, column.is_pinned);
        let has_own = one.head.is_some() || other.head.is_some();
        !has_own && one.title == other.title && looks(one) == looks(other) && sorts(one) == sorts(other)
    };
    before.len() == now.len() && before.iter().zip(now).all(is_same)
}

fn sorts<T>(column: &Column<T>) -> (&str, bool) {
    (&column.sort, column.rises)
}

#[component]
fn Cell<T: Send + Sync + 'static>(
    column: Column<T>,
    left: Option<f64>,
    order: Option<RwSignal<Option<Order>>>,
    further: Option<RwSignal<Vec<Order>>>,
    unsorted: Signal<Option<Order>>,
    on_resize: Option<Callback<(String, Option<f64>)>>,
) -> impl IntoView {
    let inside = match &column.head {
        Some(head) => head.run(),
        None => view! { <span class="cut">{column.title.clone()}</span> }.into_any(),
    };
    let key = StoredValue::new(column.sort.clone());
    let (sortable, rises) = (!column.sort.is_empty() && order.is_some(), column.rises);
    // Its direction, and which order it is of several.
    let way = Memo::new(move |_| {
        let name = key.get_value();
        if name.is_empty() {
            return None;
        }
        let first = order.and_then(|order| order.get()).or_else(|| unsorted.get());
        let rest = further.map(|further| further.get()).unwrap_or_default();
        let several = !rest.is_empty();
        first
            .into_iter()
            .chain(rest)
            .enumerate()
            .find_map(|(at, (own, descending))| (own == name).then_some((descending, several.then_some(at + 1))))
    });
    let press = move |is_added: bool| {
        let Some(order) = order else { return };
        let name = key.get_value();
        let now =
            (order.get_untracked().or_else(|| unsorted.get_untracked()), further.map(|list| list.get_untracked()));
        let (first, rest) = pressed(now.0, now.1.unwrap_or_default(), (&name, rises), is_added && further.is_some());
        if let Some(further) = further {
            further.set(rest);
        }
        order.set(first);
    };
    let width = column.width;
    // A title may be cut.
    let hint = match further {
        Some(_) => format!("{}: sort; with Shift among equals", column.title),
        None => column.title.clone(),
    };
    view! {
        <th
            role="columnheader"
            class:num=column.is_number
            class:pin=left.is_some()
            style:left=left.map(|left| format!("{left}px"))
            aria-sort=move || way.get().map(|(descending, _)| if descending { "descending" } else { "ascending" })
        >
            {if sortable {
                view! {
                    <button
                        type="button"
                        class="sort"
                        title=hint
                        on:click=move |event| press(event.shift_key())
                    >
                        {inside}
                        {move || way.get().map(|(descending, at)| view! {
                            {icon(if descending { ARROW_DOWN } else { ARROW_UP })}
                            {at.map(|at| view! { <small>{at}</small> })}
                        })}
                    </button>
                }
                .into_any()
            } else {
                inside.into_any()
            }}
            {on_resize.filter(|_| !key.with_value(String::is_empty)).map(|on_resize| view! {
                <Edge title=column.title.clone() width done=Callback::new(move |width| on_resize.run((key.get_value(), width))) />
            })}
        </th>
    }
}

/// The right edge of a column: drawn by the pointer, moved by arrows, set back by a double press.
#[component]
fn Edge(title: String, width: f64, done: Callback<Option<f64>>) -> impl IntoView {
    // Where the pointer went down, and the width then.
    let from = RwSignal::new(None::<(f64, f64)>);
    let element = |event: &web_sys::PointerEvent| {
        event.current_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok())
    };
    view! {
        <i
            class="edge"
            role="separator"
            tabindex="0"
            aria-orientation="vertical"
            aria-label=format!("Width of {title}")
            aria-valuenow=width
            on:pointerdown=move |event| {
                event.prevent_default();
                event.stop_propagation();
                // As wide as it is: one that grows is wider than its column says.
                let cell = element(&event).and_then(|edge| edge.parent_element());
                let now = cell.map_or(width, |cell| cell.get_bounding_client_rect().width());
                from.set(Some((f64::from(event.client_x()), now)));
                if let Some(edge) = element(&event) {
                    let _ = edge.set_pointer_capture(event.pointer_id());
                }
            }
            on:pointerup=move |event| {
                if let Some((x, width)) = from.get_untracked() {
                    from.set(None);
                    let to = width + f64::from(event.client_x()) - x;
                    if (to - width).abs() >= 1.0 {
                        done.run(Some(to.max(NARROWEST).round()));
                    }
                }
            }
            on:pointercancel=move |_| from.set(None)
            on:dblclick=move |_| done.run(None)
            on:click=|event| event.stop_propagation()
            on:keydown=move |event| {
                let by = match event.key().as_str() {
                    "ArrowLeft" => -STEP,
                    "ArrowRight" => STEP,
                    _ => return,
                };
                event.prevent_default();
                event.stop_propagation();
                done.run(Some((width + by).max(NARROWEST)));
            }
        ></i>
    }
}

/// The orders after a press on a column's head: the first, and those among its equals. The largest stands first at
/// first, or the least of a column that `rises`; an added one that is pressed a third time goes.
fn pressed(
    first: Option<Order>,
    rest: Vec<Order>,
    (name, rises): (&str, bool),
    is_added: bool,
) -> (Option<Order>, Vec<Order>) {
    let is_own = |order: &Order| order.0 == name;
    match first {
        Some((_, descending)) if !is_added || rest.is_empty() && first.as_ref().is_some_and(is_own) => {
            let is_again = first.as_ref().is_some_and(is_own);
            (Some((name.to_owned(), if is_again { !descending } else { !rises })), Vec::new())
        }
        None => (Some((name.to_owned(), !rises)), Vec::new()),
        Some(first) => {
            let mut orders: Vec<Order> = [first].into_iter().chain(rest).collect();
            match orders.iter().position(is_own) {
                None => orders.push((name.to_owned(), !rises)),
                Some(at) if orders[at].1 != rises => orders[at].1 = rises,
                Some(at) => drop(orders.remove(at)),
            }
            let mut orders = orders.into_iter();
            (orders.next(), orders.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use leptos::prelude::*;

    use super::{Column, Order, is_same, pressed};

    fn order(name: &str, descending: bool) -> Order {
        (name.to_owned(), descending)
    }

    #[test]
    fn a_head_stays_while_figures_come() {
        // Built anew, as with each figure that comes, and coloured by another scale.
        let columns = |width: f64| {
            let loss = Column::new("Loss", width, |_: &u64| "0.5").number().sorted_by("metric.loss").rising(true);
            vec![Column::new("Run", 174.0, |_: &u64| "a").pinned(true), loss.shaded(move |row| Some(*row as f64))]
        };
        let others = |change: fn(&mut Column<u64>)| {
            let mut columns = columns(82.0);
            change(&mut columns[1]);
            columns
        };
        let before = columns(82.0);
        assert!(is_same(&before, &columns(82.0)) && !is_same(&before, &columns(90.0)));
        assert!(!is_same(&before, &before[..1]));
        let changes: [fn(&mut Column<u64>); 6] = [
            |column| column.title = "Accuracy".to_owned(),
            |column| column.sort = "metric.accuracy".to_owned(),
            |column| column.rises = false,
            |column| column.is_number = false,
            |column| column.is_pinned = true,
            |column| column.head = Some(ViewFn::from(|| "Loss")),
        ];
        assert!(changes.into_iter().all(|change| !is_same(&before, &others(change))));
    }

    #[test]
    fn a_press_sorts_by_one_column_and_turns_it() {
        let (first, rest) = pressed(None, Vec::new(), ("a", false), false);
        assert_eq!((first.clone(), rest.len()), (Some(order("a", true)), 0));
        assert_eq!(pressed(first, rest, ("a", false), false).0, Some(order("a", false)));
        let several = pressed(Some(order("a", true)), vec![order("b", true)], ("c", false), false);
        assert_eq!(several, (Some(order("c", true)), Vec::new()));
    }

    #[test]
    fn where_less_is_better_the_least_stands_first_at_first() {
        let loss = ("loss", true);
        let (first, rest) = pressed(Some(order("a", true)), Vec::new(), loss, false);
        assert_eq!((first.clone(), rest.len()), (Some(order("loss", false)), 0));
        assert_eq!(pressed(first, rest, loss, false).0, Some(order("loss", true)));
        let a = Some(order("a", true));
        let (first, rest) = pressed(a.clone(), Vec::new(), loss, true);
        assert_eq!((first.clone(), rest.clone()), (a.clone(), vec![order("loss", false)]));
        let (first, rest) = pressed(first, rest, loss, true);
        assert_eq!(rest, [order("loss", true)]);
        assert_eq!(pressed(first, rest, loss, true), (a, Vec::new()));
    }

    #[test]
    fn with_shift_orders_are_added_turned_and_taken_away() {
        let a = Some(order("a", false));
        let (first, rest) = pressed(a.clone(), Vec::new(), ("b", false), true);
        assert_eq!((first.clone(), rest.clone()), (a.clone(), vec![order("b", true)]));
        let (first, rest) = pressed(first, rest, ("b", false), true);
        assert_eq!(rest, [order("b", false)]);
        assert_eq!(pressed(first.clone(), rest.clone(), ("b", false), true), (a, Vec::new()));
        assert_eq!(pressed(first, rest, ("a", false), true), (Some(order("b", false)), Vec::new()));
    }
}
