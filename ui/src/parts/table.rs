//! The table: virtual, by keyboard and by mouse. Only rows that are seen are in the document, so
//! that ten million rows scroll like ten.
//!
//! Arrows, Page Up/Down, Home and End move; Enter opens; `x` selects; a right click, the context
//! key, Shift+F10, `.` and `…` give the same menu.

mod head;

use std::{collections::HashSet, ops::Range, sync::Arc};

use leptos::{html, prelude::*};
use wasm_bindgen::JsCast as _;

use super::{
    chart,
    menu::{Item, Menus},
    row_keys::{asks_for_menu, is_meant_for_row},
    rows::Rows,
};

type Cell<T> = Arc<dyn Fn(&T) -> AnyView + Send + Sync>;
type Shade<T> = Arc<dyn Fn(&T) -> Option<f64> + Send + Sync>;

/// A column: its head, its width, how a row fills it.
pub(crate) struct Column<T> {
    /// The name that sorting uses; empty where it can't be sorted.
    pub(crate) sort: String,
    /// The least stands first at the first press: of a figure of which less is better.
    pub(crate) rises: bool,
    pub(crate) title: String,
    /// Instead of the title, where the head shows more than words.
    pub(crate) head: Option<ViewFn>,
    /// Pixels.
    pub(crate) width: f64,
    /// Whether it takes what is left of the width.
    pub(crate) grows: bool,
    /// Figures stand at the right.
    pub(crate) is_number: bool,
    /// Stays at the left while the others scroll; the pinned ones come first.
    pub(crate) is_pinned: bool,
    /// How strongly a row's cell is coloured, 0 to 1.
    pub(crate) shade: Option<Shade<T>>,
    pub(crate) cell: Cell<T>,
}

impl<T> Clone for Column<T> {
    fn clone(&self) -> Self {
        Self {
            sort: self.sort.clone(),
            rises: self.rises,
            title: self.title.clone(),
            head: self.head.clone(),
            width: self.width,
            grows: self.grows,
            is_number: self.is_number,
            is_pinned: self.is_pinned,
            shade: self.shade.clone(),
            cell: self.cell.clone(),
        }
    }
}

impl<T> Column<T> {
    pub(crate) fn new<V: IntoAny>(
        title: impl Into<String>,
        width: f64,
        cell: impl Fn(&T) -> V + Send + Sync + 'static,
    ) -> Self {
        Self {
            sort: String::new(),
            rises: false,
            title: title.into(),
            head: None,
            width,
            grows: false,
            is_number: false,
            is_pinned: false,
            shade: None,
            cell: Arc::new(move |row| cell(row).into_any()),
        }
    }

    pub(crate) fn number(mut self) -> Self {
        self.is_number = true;
        self
    }

    pub(crate) fn pinned(mut self, is_pinned: bool) -> Self {
        self.is_pinned = is_pinned;
        self
    }

    pub(crate) fn shaded(mut self, shade: impl Fn(&T) -> Option<f64> + Send + Sync + 'static) -> Self {
        self.shade = Some(Arc::new(shade));
        self
    }

    pub(crate) fn rising(mut self, rises: bool) -> Self {
        self.rises = rises;
        self
    }

    pub(crate) fn grows(mut self) -> Self {
        self.grows = true;
        self
    }

    pub(crate) fn sorted_by(mut self, key: impl Into<String>) -> Self {
        self.sort = key.into();
        self
    }
}

/// What can be done with a row.
pub(crate) type RowMenu<T> = StoredValue<Box<dyn Fn(T) -> Vec<Item>>, LocalStorage>;

/// How a table is sorted: the column's name, and whether the largest stands first.
pub(crate) type Order = (String, bool);

const ROW: f64 = 28.0;
/// Rows kept above and below what is seen.
const BESIDE: u64 = 8;
/// Browsers give up on taller documents; above it the scroll bar stands for more than its pixels.
const TALLEST: f64 = 8_000_000.0;

/// Rows in columns.
#[component]
pub(crate) fn Table<T>(
    #[prop(into)] rows: Rows<T>,
    #[prop(into)] columns: Signal<Vec<Column<T>>>,
    #[prop(into)] label: String,
    /// Names a row, for selecting.
    #[prop(optional, into)]
    key: Option<Callback<T, String>>,
    #[prop(optional)] selected: Option<RwSignal<Vec<String>>>,
    #[prop(optional, into)] on_open: Option<Callback<T>>,
    #[prop(optional)] menu: Option<RowMenu<T>>,
    #[prop(optional)] order: Option<RwSignal<Option<Order>>>,
    /// Orders among equals of the first, set with Shift.
    #[prop(optional)]
    further: Option<RwSignal<Vec<Order>>>,
    /// A stretch of rows is to be selected: with Shift, and all by Ctrl+A.
    #[prop(optional, into)]
    on_stretch: Option<Callback<Range<u64>>>,
    /// A column was drawn to another width, in pixels, or set back to its own.
    #[prop(optional, into)]
    on_resize: Option<Callback<(String, Option<f64>)>>,
    /// How the rows stand while nobody has chosen an order.
    #[prop(optional, into)]
    unsorted: Signal<Option<Order>>,
    /// A class of a row.
    #[prop(optional, into)]
    row_class: Option<Callback<T, &'static str>>,
    /// Height of the head.
    #[prop(default = 28.0)]
    head: f64,
) -> impl IntoView
where
    T: Clone + PartialEq + Send + Sync + 'static,
{
    let frame = NodeRef::<html::Div>::new();
    let menus = Menus::get();
    let top = RwSignal::new(0.0_f64);
    let height = RwSignal::new(600.0_f64);
    let current = RwSignal::new(None::<u64>);
    let total = rows.total;
    let rows = StoredValue::new(rows);
    let row = move |index: u64| rows.with_value(|rows| rows.get(index));

    let whole = Memo::new(move |_| total.get() as f64 * ROW);
    let drawn = Memo::new(move |_| whole.get().min(TALLEST));
    // First seen row, as a fraction; where the document is shorter than the rows, it is stretched.
    let first = Memo::new(move |_| {
        let (whole, drawn, view) = (whole.get(), drawn.get(), (height.get() - head).max(ROW));
        if whole <= drawn { top.get() / ROW } else { top.get() / (drawn - view).max(1.0) * (whole - view) / ROW }
    });
    let range = Memo::new(move |_| {
        let start = (first.get().floor() as u64).saturating_sub(BESIDE);
        let seen = (height.get() / ROW).ceil() as u64 + 2 * BESIDE;
        (start, (start + seen).min(total.get()))
    });
    Effect::new(move |_| {
        let (start, end) = range.get();
        if end > start {
            rows.with_value(|rows| rows.need(start..end));
        }
    });
    let size = chart::size_of(frame);
    Effect::new(move |_| {
        let seen = size.get().1;
        if seen > 0.0 && (seen - height.get_untracked()).abs() >= 1.0 {
            height.set(seen);
        }
    });
    // A figure that is cut at the right would be read as another one: columns that go on there fade.
    let goes_on = RwSignal::new(false);
    let look_right = move || {
        let Some(frame) = frame.try_get_untracked().flatten() else { return };
        let is = frame.scroll_left() + frame.client_width() + 1 < frame.scroll_width();
        if goes_on.try_get_untracked().is_some_and(|before| before != is) {
            goes_on.set(is);
        }
    };
    Effect::new(move |_| {
        size.track();
        columns.track();
        // Once they stand in the document.
        request_animation_frame(look_right);
    });

    let show = move |index: u64| {
        let Some(frame) = frame.get_untracked() else { return };
        let view = (height.get_untracked() - head).max(ROW);
        let at = index as f64 * ROW;
        let seen = first.get_untracked() * ROW;
        let to = if at < seen {
            at
        } else if at + ROW > seen + view {
            at + ROW - view
        } else {
            return;
        };
        let (whole, drawn) = (whole.get_untracked(), drawn.get_untracked());
        let scroll = if whole <= drawn { to } else { to / (whole - view) * (drawn - view) };
        frame.set_scroll_top(scroll.ceil() as i32);
    };
    let toggle = move |row: &T| {
        if let (Some(key), Some(selected)) = (key, selected) {
            let name = key.run(row.clone());
            selected.update(|selected| {
                if let Some(at) = selected.iter().position(|other| *other == name) {
                    selected.remove(at);
                } else {
                    selected.push(name);
                }
            });
        }
    };
    let open_menu = move |index: u64, x: f64, y: f64| {
        if let (Some(menu), Some(row)) = (menu, row(index)) {
            current.set(Some(index));
            menus.open(x, y, menu.with_value(|menu| menu(row)));
        }
    };
    let pressed = move |event: web_sys::KeyboardEvent| {
        // A head sorts, a row's button opens its menu: what is pressed on them is theirs.
        if matches!(event.key().as_str(), "Enter" | " ") && !is_meant_for_row(&event) {
            return;
        }
        let count = total.get_untracked();
        let at = current.get_untracked();
        let page = ((height.get_untracked() - head) / ROW).floor().max(1.0) as u64;
        let next = |by: u64, down: bool| {
            at.map_or(first.get_untracked() as u64, |at| if down { at + by } else { at.saturating_sub(by) })
        };
        let to = match event.key().as_str() {
            "a" if count > 0 && (event.ctrl_key() || event.meta_key()) && on_stretch.is_some() => {
                event.prevent_default();
                if let Some(on_stretch) = on_stretch {
                    on_stretch.run(0..count);
                }
                return;
            }
            _ if count == 0 || event.ctrl_key() || event.meta_key() => return,
            "ArrowDown" | "j" => next(1, true),
            "ArrowUp" | "k" => next(1, false),
            "PageDown" => next(page, true),
            "PageUp" => next(page, false),
            "Home" => 0,
            "End" => count - 1,
            "Enter" => {
                if let (Some(on_open), Some(row)) = (on_open, at.and_then(row)) {
                    event.prevent_default();
                    on_open.run(row);
                }
                return;
            }
            "x" | " " => {
                if let Some(row) = at.and_then(row) {
                    event.prevent_default();
                    toggle(&row);
                }
                return;
            }
            _ if asks_for_menu(&event) => {
                let frame = frame.get_untracked();
                let line = frame.and_then(|frame| frame.query_selector("tr[aria-current=true]").ok().flatten());
                if let (Some(at), Some(line)) = (at, line) {
                    event.prevent_default();
                    let place = line.get_bounding_client_rect();
                    open_menu(at, place.left() + 40.0, place.bottom());
                }
                return;
            }
            _ => return,
        };
        event.prevent_default();
        let to = to.min(count - 1);
        match (on_stretch, at) {
            (Some(on_stretch), Some(at)) if event.shift_key() => on_stretch.run(at.min(to)..at.max(to) + 1),
            _ => {}
        }
        current.set(Some(to));
        show(to);
    };
    let chosen = Memo::new(move |_| {
        selected
            .map(|selected| selected.with(|selected| selected.iter().cloned().collect::<HashSet<_>>()))
            .unwrap_or_default()
    });
    // The focus stays on the table: what is read out is the row that the keyboard is at, where it is in the document.
    let named = StoredValue::new(id_of(&label));
    let row_id = move |index: u64| named.with_value(|named| format!("{named}-{index}"));
    let read_out = move || {
        let (start, end) = range.get();
        current.get().filter(|at| (start..end).contains(at)).map(row_id)
    };
    let width = move || columns.with(|columns| columns.iter().map(|column| column.width).sum::<f64>());
    // Columns are built anew with each figure that comes: a head that was built with them would end what is dragged on it.
    let heads = Memo::new_with_compare(
        move |_| columns.get(),
        |before, now| before.zip(now).is_none_or(|(before, now)| !head::is_same(before, now)),
    );

    view! {
        <div
            class="table"
            class:goes-on=move || goes_on.get()
            node_ref=frame
            tabindex="0"
            role="grid"
            aria-label=label
            aria-multiselectable=selected.map(|_| "true")
            aria-rowcount=move || total.get() + 1
            aria-colcount=move || columns.with(Vec::len)
            aria-activedescendant=read_out
            on:scroll=move |_| {
                if let Some(frame) = frame.get_untracked() {
                    top.set(f64::from(frame.scroll_top()));
                    look_right();
                }
            }
            on:wheel=move |event| {
                // Over a stretched scroll bar a wheel still moves by rows.
                if whole.get_untracked() > drawn.get_untracked() && event.delta_y() != 0.0 && !event.shift_key()
                    && let Some(frame) = frame.get_untracked()
                {
                    event.prevent_default();
                    let view = height.get_untracked() - head;
                    let by = event.delta_y() / (whole.get_untracked() - view) * (drawn.get_untracked() - view);
                    let to = top.get_untracked() + by;
                    frame.set_scroll_top(to.round() as i32);
                    top.set(to.clamp(0.0, drawn.get_untracked()));
                }
            }
            // Who comes by the keyboard stands on a row at once.
            on:focus=move |_| {
                let by_keyboard = frame.get_untracked().is_some_and(|frame| frame.matches(":focus-visible").unwrap_or(false));
                if by_keyboard && current.get_untracked().is_none() && total.get_untracked() > 0 {
                    current.set(Some(first.get_untracked() as u64));
                }
            }
            on:keydown=pressed
        >
            // no menu: whoever draws a `Table` gives it one
            <table role="presentation" style:min-width=move || format!("{}px", width()) style:height=move || format!("{}px", drawn.get() + head)>
                <colgroup>
                    {move || {
                        heads
                            .get()
                            .into_iter()
                            .map(|column| view! { <col style:width=if column.grows { "auto".to_owned() } else { format!("{}px", column.width) } /> })
                            .collect_view()
                    }}
                </colgroup>
                <thead role="rowgroup">
                    <tr role="row" aria-rowindex="1" style:height=format!("{head}px")>
                        {move || head::cells(heads.get(), order, further, unsorted, on_resize)}
                    </tr>
                </thead>
                <tbody role="rowgroup">
                    <tr class="space" role="presentation" style:height=move || {
                        let (start, _) = range.get();
                        let lead = start as f64 * ROW;
                        let shown = if whole.get() <= drawn.get() { lead } else { (top.get() - (first.get() * ROW - lead)).max(0.0) };
                        format!("{shown}px")
                    }></tr>
                    <For each=move || { let (start, end) = range.get(); start..end } key=|index| *index let:index>
                        {
                            let content = Memo::new(move |_| row(index));
                            let is_chosen = move || key.is_some_and(|key| content.get().is_some_and(|row| {
                                let name = key.run(row);
                                chosen.with(|chosen| chosen.contains(&name))
                            }));
                            view! {
                                <tr
                                    class=move || content.get().and_then(|row| row_class.map(|class| class.run(row))).unwrap_or("")
                                    class:sel=is_chosen
                                    class:opens=on_open.is_some()
                                    id=row_id(index)
                                    role="row"
                                    aria-rowindex=index + 2
                                    aria-selected=move || selected.map(|_| is_chosen().to_string())
                                    aria-current=move || (current.get() == Some(index)).to_string()
                                    on:click=move |event| {
                                        let before = current.get_untracked();
                                        current.set(Some(index));
                                        if let Some(on_stretch) = on_stretch.filter(|_| event.shift_key()) {
                                            let from = before.unwrap_or(index);
                                            on_stretch.run(from.min(index)..from.max(index) + 1);
                                            return;
                                        }
                                        if let Some(row) = content.get_untracked() {
                                            let on_box = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok())
                                                .is_some_and(|target| target.closest(".pick").ok().flatten().is_some());
                                            if on_box || event.ctrl_key() || event.meta_key() {
                                                toggle(&row);
                                            } else if let Some(on_open) = on_open {
                                                on_open.run(row);
                                            }
                                        }
                                    }
                                    on:contextmenu=move |event| {
                                        if menu.is_some() {
                                            event.prevent_default();
                                            open_menu(index, f64::from(event.client_x()), f64::from(event.client_y()));
                                        }
                                    }
                                >
                                    {move || {
                                        let columns = columns.get();
                                        match content.get() {
                                            Some(row) => with_left(columns).map(|(column, left)| {
                                                let shade = column.shade.as_ref().and_then(|shade| shade(&row));
                                                view! {
                                                    <td
                                                        role="gridcell"
                                                        class:num=column.is_number
                                                        class:pin=left.is_some()
                                                        class:shade=shade.is_some()
                                                        style=style_of(left, shade)
                                                    >
                                                        {(column.cell)(&row)}
                                                    </td>
                                                }
                                            }).collect_view().into_any(),
                                            None => view! { <td role="gridcell" colspan=columns.len() class="waits"><i></i></td> }.into_any(),
                                        }
                                    }}
                                </tr>
                            }
                        }
                    </For>
                    <tr class="space" role="presentation"></tr>
                </tbody>
            </table>
        </div>
    }
}

/// An id of the document for a table of that name: letters and digits, and hyphens between them.
fn id_of(label: &str) -> String {
    let words = label.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    format!("table-{}", words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-"))
}

/// Each column with where it stands at the left, of those that are pinned.
fn with_left<T>(columns: Vec<Column<T>>) -> impl Iterator<Item = (Column<T>, Option<f64>)> {
    columns.into_iter().scan((0.0, true), |(left, is_pinned), column| {
        *is_pinned &= column.is_pinned;
        let own = is_pinned.then_some(*left);
        *left += column.width;
        Some((column, own))
    })
}

fn style_of(left: Option<f64>, shade: Option<f64>) -> Option<String> {
    match (left, shade) {
        (None, None) => None,
        (Some(left), None) => Some(format!("left:{left}px")),
        (left, Some(shade)) => Some(format!("left:{}px;--shade:{:.0}%", left.unwrap_or(0.0), shade * 100.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_found_by_its_name() {
        assert_eq!(id_of("Rows of this window"), "table-rows-of-this-window");
        assert_eq!(id_of("v2, 540,000 rows"), "table-v2-540-000-rows");
    }
}
