//! What `--try` says: `name=values`, or `name=min..max` with `:log`, `:int` and `:step=N` behind it.

use api::search::{Value, Written};

pub(super) fn parse(text: &str) -> Result<(String, Written), String> {
    let (name, values) = text.split_once('=').ok_or("a name, \"=\" and values were expected, as in depth=2..8:int")?;
    let name = name.trim().to_owned();
    let mut parts = values.split(':');
    let domain = parts.next().unwrap_or_default();
    let Some((min, max)) = domain.split_once("..") else {
        return Ok((name, Written { values: Some(values.split(',').map(value).collect()), ..Written::default() }));
    };
    let mut written = Written { min: Some(number(min)?), max: Some(number(max)?), ..Written::default() };
    for part in parts {
        match (part, part.split_once('=')) {
            ("log", _) => written.log = true,
            ("int", _) => written.int = true,
            (_, Some(("step", step))) => written.step = Some(number(step)?),
            _ => return Err(format!("\"{part}\" is none of log, int and step=N")),
        }
    }
    Ok((name, written))
}

fn number(text: &str) -> Result<f64, String> {
    crate::commands::parse_number(text.trim()).map_err(|wrong| format!("\"{text}\" is {wrong}"))
}

fn value(text: &str) -> Value {
    let text = text.trim();
    match (text.parse(), text.parse(), text.parse()) {
        (Ok(whole), ..) => Value::Integer(whole),
        (_, Ok(number), _) => Value::Number(number),
        (.., Ok(yes)) => Value::Bool(yes),
        _ => Value::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_values_are_read() {
        let range = Written { min: Some(1e-4), max: Some(0.1), log: true, ..Written::default() };
        assert_eq!(parse("lr=1e-4..0.1:log").unwrap(), ("lr".to_owned(), range));
        let steps = Written { min: Some(2.0), max: Some(8.0), int: true, step: Some(2.0), ..Written::default() };
        assert_eq!(parse("depth=2..8:int:step=2").unwrap(), ("depth".to_owned(), steps));
        let values = vec![Value::Text("trees".to_owned()), Value::Integer(3), Value::Number(0.5), Value::Bool(true)];
        assert_eq!(parse("m=trees,3,0.5,true").unwrap().1.values, Some(values));
        for wrong in ["lr", "lr=a..2", "lr=1..2:lag"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
