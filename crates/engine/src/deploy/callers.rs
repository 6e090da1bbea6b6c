//! What an update changes for those who call the deployment: columns that they send, columns that they get.

use api::{
    config::ColumnType,
    model::{Input, Signature},
};

/// Sentences for the plan; none where a request of before is answered as before.
pub(super) fn changes(before: &Signature, after: &Signature) -> Vec<String> {
    let mut sentences = Vec::new();
    let input = |signature: &Signature, name: &str| signature.inputs.iter().find(|input| input.name == name).cloned();
    let new: Vec<&Input> = after.inputs.iter().filter(|new| input(before, &new.name).is_none()).collect();
    let needed = names(new.iter().filter(|new| !new.optional).map(|new| new.name.as_str()));
    if let Some(needed) = needed {
        sentences.push(format!("Requests must carry what they did not have to until now: {needed}."));
    }
    let stricter = after.inputs.iter().filter(|new| !new.optional);
    let stricter = stricter.filter(|new| input(before, &new.name).is_some_and(|old| old.optional));
    if let Some(stricter) = names(stricter.map(|new| new.name.as_str())) {
        sentences.push(format!("Requests could leave out what they must carry now: {stricter}."));
    }
    if let Some(optional) = names(new.iter().filter(|new| new.optional).map(|new| new.name.as_str())) {
        sentences.push(format!("Requests may carry more than before: {optional}."));
    }
    let gone = before.inputs.iter().filter(|old| input(after, &old.name).is_none());
    if let Some(gone) = names(gone.map(|old| old.name.as_str())) {
        sentences.push(format!("The new version does not use what requests carry until now: {gone}."));
    }
    for new in &after.inputs {
        let Some(old) = input(before, &new.name) else { continue };
        if word(old.kind) != word(new.kind) {
            sentences.push(format!("`{}` is {} now; until now it is {}.", new.name, word(new.kind), word(old.kind)));
        } else if old.shape != new.shape {
            sentences.push(format!("`{}` has another size now.", new.name));
        }
    }
    let outputs = |signature: &Signature| {
        let output = |output: &api::model::Output| format!("{} ({})", output.name, word(output.kind));
        signature.outputs.iter().map(output).collect::<Vec<_>>()
    };
    let (old, new) = (outputs(before), outputs(after));
    if old != new {
        sentences.push(format!("Callers get {} instead of {}.", new.join(", "), old.join(", ")));
    }
    if let (Some(old), Some(new)) = (before.positive(), after.positive())
        && old != new
    {
        sentences.push(format!("The probability is that of \"{new}\" now; until now it is that of \"{old}\"."));
    }
    sentences
}

/// The first names, and how many more; `None` of none.
fn names<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    const SHOWN: usize = 8;
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => None,
        count if count > SHOWN => Some(format!("{} and {} more", names[..SHOWN].join(", "), count - SHOWN)),
        _ => Some(names.join(", ")),
    }
}

/// What stands in a request or an answer; in JSON a whole number and a decimal are the same.
const fn word(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Boolean => "yes or no",
        ColumnType::Integer | ColumnType::Decimal => "a number",
        ColumnType::Datetime => "a time",
        ColumnType::Category => "a category",
        ColumnType::Text => "text",
        ColumnType::Image => "a picture",
    }
}

#[cfg(test)]
mod tests {
    use api::model::Output;

    use super::*;

    fn input(name: &str, kind: ColumnType, optional: bool) -> Input {
        let (name, sensitive) = (name.to_owned(), false);
        Input { name, kind, optional, sensitive, categories: Vec::new(), range: None, shape: Vec::new() }
    }

    fn signature(inputs: Vec<Input>, outputs: &[(&str, ColumnType)]) -> Signature {
        let output = |(name, kind): &(&str, ColumnType)| Output { name: (*name).to_owned(), kind: *kind, class: None };
        Signature { inputs, outputs: outputs.iter().map(output).collect() }
    }

    #[test]
    fn callers_hear_of_what_they_send_and_get() {
        use ColumnType::{Category, Decimal, Integer};
        let sold = signature(
            vec![input("size", Integer, false), input("town", Category, true), input("rooms", Integer, false)],
            &[("prediction", Category), ("probability", Decimal)],
        );
        assert!(changes(&sold, &sold).is_empty());
        let whole = |kind| signature(vec![input("size", kind, false)], &[("prediction", Decimal)]);
        assert!(changes(&whole(Integer), &whole(Decimal)).is_empty(), "a number is a number");
        let of = |class: &str| {
            let mut signature = sold.clone();
            signature.outputs[1].class = Some(class.to_owned());
            signature
        };
        assert!(changes(&sold, &of("yes")).is_empty(), "an older version does not say which class it is");
        assert_eq!(
            changes(&of("no"), &of("yes")),
            ["The probability is that of \"yes\" now; until now it is that of \"no\"."]
        );
        let price = signature(
            vec![input("size", Category, false), input("town", Category, false), input("sold", Category, false)],
            &[("prediction", Decimal)],
        );
        assert_eq!(
            changes(&sold, &price),
            [
                "Requests must carry what they did not have to until now: `sold`.",
                "Requests could leave out what they must carry now: `town`.",
                "The new version does not use what requests carry until now: `rooms`.",
                "`size` is a category now; until now it is a number.",
                "Callers get prediction (a number) instead of prediction (a category), probability (a number).",
            ]
        );
    }
}
