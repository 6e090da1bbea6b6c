//! A form made from a model's signature: one row to ask with, begun from an example.

use std::collections::BTreeMap;

use api::{
    config::ColumnType,
    model::{Input, Signature},
};
use leptos::{prelude::*, task::spawn_local};
use serde_json::{Map, Value};
use wasm_bindgen::JsCast as _;

use super::{
    button::Button,
    field::{Labelled, Segments, Select},
    words,
};

/// More inputs than this are shown only when asked for.
const MANY: usize = 48;
/// Classes whose probability is shown: the likeliest say enough.
const SHARES: usize = 5;
const EXAMPLES: [(&str, &str); 5] = [("0", "1"), ("1", "2"), ("2", "3"), ("3", "4"), ("4", "5")];

/// A picture that was dropped on a form in our own window, which gets no files but paths.
#[derive(Clone, Copy)]
pub(crate) struct DroppedPicture(RwSignal<Option<String>>);

impl DroppedPicture {
    pub(crate) fn provide() -> Self {
        let dropped = Self(RwSignal::new(None));
        provide_context(dropped);
        dropped
    }

    /// Hands it, as a `data:` address, to the form that is shown.
    pub(crate) fn put(self, picture: String) {
        self.0.set(Some(picture));
    }
}

/// What stands in the form: a text for each input.
#[derive(Clone, Copy)]
pub(crate) struct RowDraft(StoredValue<Vec<(Input, RwSignal<String>)>>);

impl RowDraft {
    pub(crate) fn new(signature: &Signature) -> Self {
        let fields = signature.inputs.iter().map(|input| (input.clone(), RwSignal::new(String::new()))).collect();
        Self(StoredValue::new(fields))
    }

    /// Takes over an example's values.
    pub(crate) fn fill(self, example: &Value) {
        self.0.with_value(|fields| {
            for (input, text) in fields {
                text.set(example.get(&input.name).map(text_of).unwrap_or_default());
            }
        });
    }

    /// The first field that can't be sent, and why: "amount: A value is needed".
    pub(crate) fn wrong(self) -> Option<String> {
        let wrong = |(input, text): &(Input, RwSignal<String>)| {
            let reason = text.with(|text| value_of(input, text)).err()?;
            Some(format!("{}: {reason}", input.name))
        };
        self.0.with_value(|fields| fields.iter().find_map(wrong))
    }

    /// The row as the wire takes it; a wrong value stands as the text that it is.
    pub(crate) fn row(self) -> Value {
        let mut row = Map::new();
        self.0.with_value(|fields| {
            for (input, text) in fields {
                let text = text.get();
                row.insert(input.name.clone(), value_of(input, &text).unwrap_or(Value::String(text)));
            }
        });
        Value::Object(row)
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn value_of(input: &Input, text: &str) -> Result<Value, String> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return if input.optional { Ok(Value::Null) } else { Err("A value is needed".to_owned()) };
    }
    match input.kind {
        ColumnType::Boolean => trimmed.parse::<bool>().map(Value::Bool).map_err(|_| "true or false".to_owned()),
        ColumnType::Integer => {
            trimmed.parse::<i64>().map(Value::from).map_err(|_| "A whole number is expected".to_owned())
        }
        ColumnType::Decimal => number_of(trimmed).map(Value::from),
        // An example's picture may stand as its pixels.
        ColumnType::Image if trimmed.starts_with('[') => {
            serde_json::from_str(trimmed).map_err(|_| "Pixels that can't be read".to_owned())
        }
        ColumnType::Datetime | ColumnType::Category | ColumnType::Text | ColumnType::Image => {
            Ok(Value::String(trimmed.to_owned()))
        }
    }
}

/// A decimal number, with a point or with a comma where that can't stand between thousands: "30,5" is 30.5.
fn number_of(text: &str) -> Result<f64, String> {
    let with_point = match text.split_once(',') {
        Some((whole, fraction)) if !text.contains('.') && !fraction.contains(',') => {
            let digits = whole.trim_start_matches(['-', '+']);
            let could_be_thousands = fraction.len() == 3 && (1..=3).contains(&digits.len()) && digits != "0";
            if could_be_thousands {
                return Err(format!("{whole}.{fraction} or {whole}{fraction}? Write it without the comma"));
            }
            format!("{whole}.{fraction}")
        }
        _ => text.to_owned(),
    };
    match with_point.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err("A number is expected".to_owned()),
    }
}

/// What a reader of the answer should know of a value that can be sent: the model never saw its like.
fn unseen(input: &Input, text: &str) -> Option<String> {
    // So many are listed at most: what is not among them may be known all the same.
    const LISTED: usize = 1000;
    let value = value_of(input, text).ok()?;
    match input.kind {
        ColumnType::Integer | ColumnType::Decimal => {
            let (number, (low, high)) = (value.as_f64()?, input.range?);
            (number < low || number > high).then(|| range_of(input).map(|range| format!("outside of {range}")))?
        }
        ColumnType::Category => {
            let text = value.as_str()?;
            let is_listed = input.categories.iter().any(|known| known == text);
            let is_whole_list = (1..LISTED).contains(&input.categories.len());
            (is_whole_list && !is_listed).then(|| "not seen in training".to_owned())
        }
        _ => None,
    }
}

/// The form. Choosing an example fills it again.
#[component]
pub(crate) fn RowForm(draft: RowDraft, examples: Vec<Value>) -> impl IntoView {
    let chosen = RwSignal::new("0".to_owned());
    let all = RwSignal::new(false);
    let (fields, count) = draft.0.with_value(|fields| (fields.clone(), fields.len()));
    let known = examples.len().min(EXAMPLES.len());
    Effect::new(move |_| {
        let index = chosen.get().parse::<usize>().unwrap_or(0);
        if let Some(example) = examples.get(index) {
            draft.fill(example);
        }
    });
    let wide = fields.iter().any(|(input, _)| input.kind == ColumnType::Image);
    view! {
        {(known > 1).then(|| view! {
            <div class="flex examples">
                <span class="small muted">"Example"</span>
                <Segments value=chosen options=EXAMPLES[..known].to_vec() name="Example" />
                <span class="small faint">"rows that the model was not trained on"</span>
            </div>
        })}
        <div class="row-form" class:wide=wide>
            {move || {
                let shown = if all.get() { count } else { MANY };
                fields.iter().take(shown).cloned().map(|(input, text)| view! { <Field input text /> }).collect_view()
            }}
        </div>
        <Show when=move || count.gt(&MANY) && !all.get()>
            <div class="flex"><Button label=format!("Show all {}", words::count(count as u64)) kind="quiet s" on_press=move || all.set(true) /></div>
        </Show>
    }
}

#[component]
fn Field(input: Input, text: RwSignal<String>) -> impl IntoView {
    let hint = hint(&input);
    let (checked, compared) = (input.clone(), input.clone());
    let warning = Signal::derive(move || text.with(|text| unseen(&compared, text)));
    // Nothing is wrong before there is anything: an empty form is not yet filled.
    let wrong =
        Signal::derive(move || text.with(|text| if text.is_empty() { None } else { value_of(&checked, text).err() }));
    let label = if input.sensitive { format!("{} (sensitive)", input.name) } else { input.name.clone() };
    let empty = if input.optional { "missing" } else { "" };
    match input.kind {
        ColumnType::Image => view! { <ImageField input text /> }.into_any(),
        ColumnType::Boolean => {
            let mut options = vec![("true".to_owned(), "true".to_owned()), ("false".to_owned(), "false".to_owned())];
            if input.optional {
                options.insert(0, (String::new(), "missing".to_owned()));
            }
            view! { <Labelled label hint error=wrong><Select value=text options=Signal::stored(options) name=input.name /></Labelled> }.into_any()
        }
        _ => {
            let list = (!input.categories.is_empty())
                .then(|| format!("values-of-{}", input.name.replace(char::is_whitespace, "-")));
            let is_number = matches!(input.kind, ColumnType::Integer | ColumnType::Decimal);
            view! {
                <Labelled label hint warning error=wrong>
                    <span class="field" class:mono=is_number>
                        <input
                            class="grow"
                            aria-label=input.name.clone()
                            placeholder=empty
                            spellcheck="false"
                            autocomplete="off"
                            inputmode=if is_number { "decimal" } else { "text" }
                            list=list.clone()
                            prop:value=move || text.get()
                            on:input=move |event| text.set(event_target_value(&event))
                        />
                        {list.map(|list| view! {
                            <datalist id=list>{input.categories.iter().map(|value| view! { <option value=value.clone()></option> }).collect_view()}</datalist>
                        })}
                    </span>
                </Labelled>
            }
            .into_any()
        }
    }
}

fn hint(input: &Input) -> String {
    match input.kind {
        ColumnType::Category if !input.categories.is_empty() => {
            format!("{} known", words::counted(input.categories.len() as u64, "value", "values"))
        }
        _ => range_of(input).unwrap_or_default(),
    }
}

/// What an input was in training, from the least to the most.
pub(crate) fn range_of(input: &Input) -> Option<String> {
    let (low, high) = input.range?;
    let said = |value: f64| match input.kind {
        ColumnType::Datetime => words::date(value as i64),
        _ => bound(value),
    };
    Some(format!("{} to {}", said(low), said(high)))
}

/// A bound is as exact as it must be: 0.5 and not 0.5000, 1 and not 1.000.
fn bound(value: f64) -> String {
    let text = if value.fract() == 0.0 && value.abs() < 1000.0 { format!("{value:.0}") } else { words::figure(value) };
    let trims = text.contains('.') && !text.contains('e');
    let text = if trims { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    words::minus(text)
}

/// A picture: chosen or dropped, sent as base64.
#[component]
fn ImageField(input: Input, text: RwSignal<String>) -> impl IntoView {
    let over = RwSignal::new(false);
    if let Some(DroppedPicture(dropped)) = use_context() {
        Effect::new(move |_| {
            if let Some(picture) = dropped.get() {
                text.set(picture);
                dropped.set(None);
            }
        });
    }
    let take = move |file: web_sys::File| {
        spawn_local(async move {
            let Ok(bytes) = wasm_bindgen_futures::JsFuture::from(file.array_buffer()).await else { return };
            let letters: String = js_sys::Uint8Array::new(&bytes).to_vec().into_iter().map(char::from).collect();
            if let Ok(encoded) = window().btoa(&letters) {
                let kind = if file.type_().is_empty() { "image/png".to_owned() } else { file.type_() };
                text.try_set(format!("data:{kind};base64,{encoded}"));
            }
        });
    };
    let shape = input.shape.clone();
    let size = match input.shape.as_slice() {
        [height, width, ..] => format!("{width} × {height} pixels; others are scaled"),
        _ => String::new(),
    };
    view! {
        <label
            class="picture-field"
            data-takes="picture"
            class:over=move || over.get()
            on:dragover=move |event| { event.prevent_default(); over.set(true) }
            on:dragleave=move |_| over.set(false)
            on:drop=move |event| {
                event.prevent_default();
                over.set(false);
                if let Some(file) = event.data_transfer().and_then(|data| data.files()).and_then(|files| files.item(0)) {
                    take(file);
                }
            }
        >
            {move || text.with(|text| address(text, &shape)).map(|address| view! { <img src=address alt="The picture to predict" /> })}
            <span class="grow">
                <span class="strong">{input.name.clone()}</span>
                <span class="small muted">"Drop a picture here, or choose one"</span>
                <span class="caption faint">{size}</span>
            </span>
            <input type="file" accept="image/png,image/jpeg" title="Choose a picture" aria-label=input.name.clone()
                on:change=move |event| {
                    let file = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok()).and_then(|input| input.files()).and_then(|files| files.item(0));
                    if let Some(file) = file {
                        take(file);
                    }
                }
            />
        </label>
    }
}

/// What an `<img>` takes, where the text is a picture or its pixels.
fn address(text: &str, shape: &[usize]) -> Option<String> {
    match text {
        "" => None,
        text if text.starts_with("data:image/") => Some(text.to_owned()),
        text if text.starts_with('[') => {
            let mut pixels = Vec::new();
            flatten(&serde_json::from_str(text).ok()?, &mut pixels);
            drawn(&pixels, shape)
        }
        text => {
            Some(format!("data:{};base64,{text}", if text.starts_with("/9j/") { "image/jpeg" } else { "image/png" }))
        }
    }
}

/// Pixels stand flat or nested, row by row.
fn flatten(value: &Value, pixels: &mut Vec<f64>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| flatten(value, pixels)),
        other => pixels.extend(other.as_f64()),
    }
}

/// Draws pixels of 0 to 255 (height, width, one or three channels) and gives the picture's address.
fn drawn(pixels: &[f64], shape: &[usize]) -> Option<String> {
    let &[height, width, channels] = shape else { return None };
    if channels == 0 || pixels.len() != height * width * channels {
        return None;
    }
    let canvas = document().create_element("canvas").ok()?.dyn_into::<web_sys::HtmlCanvasElement>().ok()?;
    canvas.set_width(u32::try_from(width).ok()?);
    canvas.set_height(u32::try_from(height).ok()?);
    let context = canvas.get_context("2d").ok()??.dyn_into::<web_sys::CanvasRenderingContext2d>().ok()?;
    for (index, pixel) in pixels.chunks_exact(channels).enumerate() {
        let (red, green, blue) =
            if let [red, green, blue, ..] = pixel { (*red, *green, *blue) } else { (pixel[0], pixel[0], pixel[0]) };
        context.set_fill_style_str(&format!("rgb({red:.0} {green:.0} {blue:.0})"));
        context.fill_rect((index % width) as f64, (index / width) as f64, 1.0, 1.0);
    }
    canvas.to_data_url().ok()
}

/// One answered row: the prediction, and the probabilities as bars.
#[component]
pub(crate) fn Answer(
    row: Value,
    threshold: Option<f64>,
    /// The class that a lone probability is of.
    positive: Option<String>,
) -> impl IntoView {
    let prediction = row
        .get("prediction")
        .map(|value| value.as_f64().filter(|_| value.is_f64()).map_or_else(|| text_of(value), words::figure));
    let mut shares: BTreeMap<String, f64> = BTreeMap::new();
    for (name, value) in row.as_object().into_iter().flatten() {
        let class = name.strip_prefix("probability").map(|class| class.strip_prefix('_').unwrap_or(class).to_owned());
        if let (Some(class), Some(value)) = (class, value.as_f64()) {
            shares.insert(class, value);
        }
    }
    let mut shares: Vec<(String, f64)> = shares.into_iter().collect();
    shares.sort_by(|left, right| right.1.total_cmp(&left.1));
    let hidden = shares.len().saturating_sub(SHARES);
    let is_passed_over = shares.len() > 1 && shares.first().map(|(class, _)| class) != prediction.as_ref();
    view! {
        <div class="predicted" role="status">
            <div><span class="caption faint">"Prediction"</span><strong class="prediction">{prediction.unwrap_or_else(|| "–".to_owned())}</strong></div>
            {(!shares.is_empty()).then(|| view! {
                <div class="shares">
                    {shares.into_iter().take(SHARES).map(|(class, share)| {
                        let label = match &positive {
                            Some(positive) if class.is_empty() => format!("Probability of {positive}"),
                            None if class.is_empty() => "Probability".to_owned(),
                            _ => class.clone(),
                        };
                        let mark = threshold.filter(|_| class.is_empty());
                        view! {
                            <span class="cut" title=label.clone()>{label.clone()}</span>
                            <span class="bar wide-bar" role="meter" aria-label=label aria-valuemin="0" aria-valuemax="1" aria-valuenow=share.to_string()>
                                <i style:width=format!("{:.2}%", share.clamp(0.0, 1.0) * 100.0)></i>
                                {mark.map(|mark| view! { <b style:left=format!("{:.2}%", mark * 100.0) title=match &positive {
                                    Some(positive) => format!("Threshold: {positive} from {}", words::figure(mark)),
                                    None => format!("Threshold {}", words::figure(mark)),
                                }></b> })}
                            </span>
                            <span class="num end">{words::probability(share)}</span>
                        }
                    }).collect_view()}
                </div>
            })}
            {(hidden > 0).then(|| view! { <span class="caption faint">{format!("and {hidden} smaller ones")}</span> })}
            {is_passed_over.then(|| view! { <span class="caption faint">"Not the most probable: this model prefers rare classes."</span> })}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(kind: ColumnType, categories: &[&str], range: Option<(f64, f64)>) -> Input {
        Input {
            name: "a".to_owned(),
            kind,
            optional: false,
            sensitive: false,
            categories: categories.iter().map(|value| (*value).to_owned()).collect(),
            range,
            shape: Vec::new(),
        }
    }

    #[test]
    fn a_decimal_comma_is_read_where_it_is_no_thousands() {
        for (text, number) in
            [("30,5", 30.5), ("-0,125", -0.125), ("1234,567", 1234.567), ("2.5", 2.5), ("1e3", 1000.0)]
        {
            assert_eq!(number_of(text), Ok(number), "{text}");
        }
        assert!(number_of("1,234").unwrap_err().contains("1.234 or 1234"));
        for text in ["1,2,3", "1.000,5", "a,b", "inf"] {
            assert!(number_of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_the_model_never_saw_is_said() {
        let number = input(ColumnType::Decimal, &[], Some((0.5, 20.0)));
        assert_eq!(unseen(&number, "21").as_deref(), Some("outside of 0.5 to 20"));
        assert_eq!(unseen(&number, "20"), None);
        assert_eq!(unseen(&number, "x"), None);
        let category = input(ColumnType::Category, &["red"], None);
        assert_eq!(unseen(&category, "blue").as_deref(), Some("not seen in training"));
        assert_eq!(unseen(&category, "red"), None);
    }
}
